// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import NIOCore
import Testing

@testable import Redis

/// Random inputs in random order, checked against invariants.
@Suite("Topology invariants")
struct TopologyPropertyTests {
    /// Simulates the actions of a state machine and checks them.
    struct Ledger {
        private(set) var open: Set<NodeID> = []
        private(set) var retired: Set<NodeID> = []
        private(set) var waiting: Set<WaiterID> = []
        private(set) var resumed: Set<WaiterID> = []
        private(set) var isLookingUp = false
        private(set) var isClosed = false
        private var starts = 0
        var problems: [String] = []

        mutating func suspended(_ waiter: WaiterID) {
            if !waiting.insert(waiter).inserted { problems.append("\(waiter) waits twice") }
            if isClosed { problems.append("\(waiter) waits after the end") }
        }

        mutating func resume(_ waiter: WaiterID) {
            if waiting.remove(waiter) == nil { problems.append("\(waiter) is resumed without waiting") }
            if !resumed.insert(waiter).inserted { problems.append("\(waiter) is resumed twice") }
        }

        mutating func beginLookup() {
            if isLookingUp { problems.append("two lookups at a time") }
            if isClosed { problems.append("a lookup after the end") }
            isLookingUp = true
        }

        mutating func endLookup() { isLookingUp = false }
        mutating func close() { isClosed = true }

        mutating func routed(to node: NodeID) {
            if retired.contains(node) { problems.append("a command for the retired \(node)") }
            if !open.contains(node) { problems.append("a command for \(node), which was never opened") }
            if isClosed { problems.append("a command after the end") }
        }

        mutating func perform(_ actions: [TopologyAction]) {
            for action in actions {
                switch action {
                case .startRefreshing:
                    starts += 1
                    if starts > 1 || isClosed { problems.append("a second start, or one after the end") }
                case .open(let node):
                    if isClosed { problems.append("\(node) is opened after the end") }
                    if !open.insert(node).inserted { problems.append("\(node) is opened twice") }
                case .keepMinimum(let node):
                    if !open.contains(node) || isClosed { problems.append("minimum of \(node)") }
                case .retire(let node):
                    if open.remove(node) == nil { problems.append("\(node) is retired without being open") }
                    retired.insert(node)
                case .resume(let waiters), .refuse(let waiters, _):
                    for waiter in waiters { resume(waiter) }
                case .stopRefreshing, .shutDownNodes, .relocateSubscriptions, .shutDownSubscriptions, .log:
                    break
                }
            }
        }
    }

    /// Drives a state machine with all kinds of inputs.
    struct Driver<Machine: TopologyStateMachine> {
        var machine: Machine
        var ledger = Ledger()
        var generator: SeededGenerator
        var now: Int64 = 0
        private var lastWaiter = 0
        private var query: Machine.Query?
        private var seen: [NodeID] = []
        let hosts = ["a", "b", "c", "d", "e"]

        init(_ machine: Machine, seed: UInt64) {
            self.machine = machine
            generator = SeededGenerator(seed: seed)
        }

        mutating func pick<Element>(_ elements: [Element]) -> Element? {
            elements.randomElement(using: &generator)
        }
        mutating func address() -> RedisAddress { server(pick(hosts) ?? "a") }
        mutating func someHosts() -> [String] {
            Array(hosts.shuffled(using: &generator).prefix(Int.random(in: 1...3, using: &generator)))
        }

        mutating func error() -> RedisError {
            let replies = ["MOVED", "ASK"].map { "\($0) \(Int.random(in: 0..<16_384, using: &generator)) x:1" }
            let host = pick(hosts) ?? "a"
            let texts =
                replies.map { $0.replacing(" x:", with: " \(host):") } + ["TRYAGAIN", "READONLY", "LOADING", "ERR"]
            let others: [RedisError] = [
                .neverSent, RedisError(.outcomeUnknown, "lost", mayHaveExecuted: true),
                RedisError(.connectFailed, "no"),
                RedisError(.timedOut, "late"), RedisError(.authenticationFailed, "wrong"),
            ]
            return pick(texts.map { RedisError(reply: RESPError($0)) } + others) ?? .neverSent
        }

        mutating func suspend(_ decide: (WaiterID, inout Machine) -> (WaitDecision, [TopologyAction])) {
            lastWaiter += 1
            let id = lastWaiter
            let (decision, actions) = decide(id, &machine)
            if case .suspend = decision { ledger.suspended(id) }
            ledger.perform(actions)
        }

        /// Applies a random input.
        mutating func step(
            _ reply: (Machine.Query, inout Driver) -> Machine.Reply, announce: (inout Driver) -> [TopologyAction]
        ) {
            now += .random(in: 0...400, using: &generator)
            let time = moment(now)
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<25: route()
            case 25..<33:
                let ticket = machine.lifecycle.ticket
                let deadline = moment(now + .random(in: 0...2_000, using: &generator))
                suspend { $1.wait($0, for: ticket, now: time, deadline: deadline) }
            case 33..<36: suspend { ($1.lifecycle.wait($0, since: $1.lifecycle.ticket), []) }
            case 36..<40: suspend { ($1.lifecycle.sleep($0, until: $1.lifecycle.nextLookup), []) }
            case 40..<45: suspend { $1.admit($0) }
            case 45..<49:
                // The deadline of a caller passes.
                guard let id = pick(ledger.waiting.sorted()) else { return }
                if machine.lifecycle.removeWaiter(id) { ledger.resume(id) }
            case 49..<68: lookUp(reply)
            case 68..<80:
                let error = self.error()
                ledger.perform(machine.failed(error, at: pick(seen)).1)
            case 80..<88:
                guard let node = pick(seen) else { return }
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: ledger.perform(machine.connectionFailed(node))
                case 1: machine.connected(node)
                default: ledger.perform(machine.stalled(node))
                }
            case 88..<92: ledger.perform(announce(&self))
            case 92..<95:
                let error = self.error()
                let address = self.address()
                ledger.perform(machine.subscriptionFailed(error, at: address))
            case 95..<98:
                let kinds: [SubscriptionTarget.Kind?] = [nil, .shardChannel, .channel]
                let target = (pick(kinds) ?? nil).map { SubscriptionTarget(kind: $0, name: "c") }
                let (current, random) = (self.address(), generator.unit())
                ledger.perform(machine.subscriptionAddress(for: target, current: current, random: random).1)
            default: ledger.perform(machine.keepMinimum())
            }
        }

        private mutating func route() {
            let redirections: [Redirection?] = [nil, nil, .master, .ask(address())]
            let slots: [HashSlot?] = [nil, slot(.random(in: 0..<16_384, using: &generator))]
            let target = RouteTarget(
                slot: pick(slots) ?? nil, canUseReplica: .random(using: &generator),
                redirection: pick(redirections) ?? nil)
            let (resolution, actions) = machine.route(target)
            ledger.perform(actions)
            guard case .ready(let route) = resolution else { return }
            ledger.routed(to: route.node)
            seen.append(route.node)
        }

        private mutating func lookUp(_ reply: (Machine.Query, inout Driver) -> Machine.Reply) {
            let time = moment(now)
            let actions: [TopologyAction]
            if let query {
                let reply = reply(query, &self)
                (self.query, actions) = machine.received(reply, now: time, random: generator.unit())
            } else {
                guard machine.lifecycle.pollLookup(now: time) else { return }
                ledger.beginLookup()
                (self.query, actions) = machine.beginLookup(now: time, using: &generator)
            }
            ledger.perform(actions)
            if self.query == nil { ledger.endLookup() }
        }

        mutating func shutdown() {
            ledger.perform(machine.shutdown())
            ledger.close()
        }

        mutating func run(
            _ reply: (Machine.Query, inout Driver) -> Machine.Reply,
            announce: (inout Driver) -> [TopologyAction] = { _ in [] }
        ) {
            let end = Int.random(in: 0..<400, using: &generator)
            for number in 0..<500 {
                if number == end { shutdown() }
                step(reply, announce: announce)
            }
            #expect(ledger.problems == [])
            #expect(ledger.waiting.isEmpty, "shutdown resumes all callers")
        }
    }

    @Test(
        "A cluster resumes waiters once, routes to open servers, runs one lookup at a time and stays shut down",
        arguments: RandomCases.some(of: 0..<200))
    func cluster(_ seed: Int) {
        let machine = ClusterStateMachine(
            configured: [server("a")], readsFromReplicas: seed.isMultiple(of: 2), refresh: .init(interval: .seconds(3)))
        var driver = Driver(machine, seed: UInt64(seed))
        driver.run { query, driver in
            switch query {
            case .ping(let addresses): return .responding(addresses.filter { _ in .random(using: &driver.generator) })
            case .readMap:
                guard Int.random(in: 0..<4, using: &driver.generator) > 0 else { return .failed(driver.error()) }
                let masters = driver.someHosts()
                let replicas = Set(driver.someHosts()).subtracting(masters).sorted()
                let shards = masters.map { replicas.isEmpty ? $0 : "\($0)/\(replicas.joined(separator: ","))" }
                return .map(
                    ClusterView(
                        Int.random(in: 0..<20, using: &driver.generator) == 0 ? [] : shards,
                        epoch: .random(in: 0..<5, using: &driver.generator), isOK: .random(using: &driver.generator)))
            }
        }
    }

    @Test(
        "A Sentinel topology resumes waiters once, routes to open servers, runs one lookup at a time and stays shut down",
        arguments: RandomCases.some(of: 0..<200))
    func sentinel(_ seed: Int) {
        let machine = SentinelStateMachine(
            sentinels: [server("s1"), server("s2")], masterName: "main", readsFromReplicas: seed.isMultiple(of: 2),
            refresh: .init(interval: .seconds(3)))
        var driver = Driver(machine, seed: UInt64(seed))
        driver.run { query, driver in
            switch query {
            case .queryRole:
                let result: [Result<Bool, RedisError>] = [
                    .success(true), .success(true), .success(false), .failure(.neverSent),
                ]
                return .isMaster(driver.pick(result) ?? .success(true))
            case .querySentinel:
                let report = SentinelReport(
                    address: driver.address(), epoch: .random(in: 0..<5, using: &driver.generator),
                    isFailingOver: Int.random(in: 0..<8, using: &driver.generator) == 0)
                let replies: [SentinelSearch.Reply] = [
                    .master(report), .master(report), .unknownName, .failed(driver.error()),
                ]
                return .sentinel(
                    driver.pick(replies) ?? .unknownName, replicas: driver.someHosts().map { server($0) }, sentinels: []
                )
            }
        } announce: { driver in
            let event = driver.pick([.gap, .failedOver(by: server("s2"))]) ?? SentinelListener.Event.gap
            return driver.machine.announced(event)
        }
    }
}
