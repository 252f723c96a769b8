// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

/// A short form of the actions of a state machine, for tables.
func names(_ actions: [TopologyAction]) -> [String] {
    actions.map { action in
        switch action {
        case .startRefreshing: "start"
        case .stopRefreshing: "stop"
        case .open(let node): "open \(host(node))"
        case .keepMinimum(let node): "minimum \(host(node))"
        case .retire(let node): "retire \(host(node))"
        case .shutDownNodes: "end nodes"
        case .relocateSubscriptions: "relocate"
        case .shutDownSubscriptions: "end subscriptions"
        case .resume(let ids): "resume \(ids.map(String.init).joined(separator: " "))"
        case .refuse(let ids, let error): "refuse \(ids.map(String.init).joined(separator: " ")) \(error.code)"
        case .log: "log"
        }
    }
}

/// A short form of the destination of a command.
func destination(_ resolution: Resolution<Route<NodeID>>) -> String {
    switch resolution {
    case .ready(let route): host(route.node) + (route.requiresAsking ? " asking" : "")
    case .wait: "wait"
    case .fail(let error): "fail \(error.code)"
    }
}

func decided(_ decision: WaitDecision) -> String {
    switch decision {
    case .proceed: "proceed"
    case .fail(let error): "fail \(error.code)"
    case .suspend: "suspend"
    }
}

private func host(_ node: NodeID) -> String {
    guard case .tcp(let host, _) = node.address else { return "\(node.address)" }
    return node.isReplica ? "replica \(host)" : host
}

func server(_ host: String) -> RedisAddress { .tcp(host: host, port: 1) }

func moment(_ milliseconds: Int64) -> NIODeadline {
    .uptimeNanoseconds(1_000_000_000_000) + .milliseconds(milliseconds)
}

func slot(_ number: Int) -> HashSlot { HashSlot(number) ?? HashSlot(ofKey: "") }

/// A random number generator with a fixed seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func unit() -> Double { .random(in: 0..<1, using: &self) }
}

extension ClusterView {
    /// A map of shards with evenly distributed slots: `"a/r1,r2"` is the master `a` with two replicas.
    init(_ shards: [String], epoch: Int = 1, isOK: Bool = true) {
        let size = HashSlot.count / max(shards.count, 1)
        let ranges = shards.enumerated().map { index, text in
            let parts = text.split(separator: "/")
            let replicas = parts.count > 1 ? parts[1].split(separator: ",").map { server(String($0)) } : []
            let end = index == shards.count - 1 ? HashSlot.count - 1 : (index + 1) * size - 1
            return (
                shard: SlotMap.Shard(master: server(String(parts[0])), replicas: replicas), slots: [index * size...end]
            )
        }
        self.init(source: server("seed"), map: SlotMap(ranges), epoch: epoch, isOK: isOK)
    }
}

/// `#expect` for the results of mutating functions, which the macro cannot call.
func expect<Value: Equatable>(
    _ value: Value, equals expected: Value, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, comment, sourceLocation: sourceLocation)
}

func expect(_ condition: Bool, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(condition, comment, sourceLocation: sourceLocation)
}
