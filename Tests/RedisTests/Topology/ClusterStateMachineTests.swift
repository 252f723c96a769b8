// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

/// Every state of the state machine, and the effect of every input.
@Suite("Cluster state machine")
struct ClusterStateMachineTests {
    enum State: String, CaseIterable { case unused, looking, known, moving, unreachable, stalled, closed }

    /// A state machine in a state. Where servers are known, `a` and `b` are masters, and `r` is a replica of `a`.
    static func machine(_ state: State, replicas: Bool = true) -> ClusterStateMachine {
        var machine = ClusterStateMachine(
            configured: [server("seed")], readsFromReplicas: replicas, refresh: .init(interval: .seconds(30)))
        guard state != .unused else { return machine }
        _ = machine.route(RouteTarget())
        guard state != .looking else { return machine }
        lookUp(&machine, .map(ClusterView(["a/r", "b"], epoch: 5)))
        switch state {
        case .unused, .looking, .known: break
        case .moving: _ = machine.failed(reply("MOVED 0 c:1"), at: node("a", of: machine))
        case .unreachable: _ = node("a", of: machine).map { machine.connectionFailed($0) }
        case .stalled: _ = node("a", of: machine).map { machine.stalled($0) }
        case .closed: _ = machine.shutdown()
        }
        return machine
    }

    @discardableResult
    static func lookUp(
        _ machine: inout ClusterStateMachine, _ reply: ClusterStateMachine.Reply, at time: Int64 = 0
    ) -> [String] {
        var generator = SeededGenerator(seed: 1)
        guard machine.lifecycle.pollLookup(now: moment(time)) else { return ["not due"] }
        let (query, begun) = machine.beginLookup(now: moment(time), using: &generator)
        guard query != nil else { return names(begun) }
        let (next, actions) = machine.received(reply, now: moment(time), random: 0)
        guard case .ping(let suspects)? = next else { return names(begun + actions) }
        let (last, more) = machine.received(.responding(suspects), now: moment(time), random: 0)
        return last == nil ? names(begun + actions + more) : ["asks on"]
    }

    static func reply(_ text: String) -> RedisError { RedisError(reply: RESPError(text)) }

    static func node(_ host: String, of machine: ClusterStateMachine) -> NodeID? {
        machine.watchedNodes.first { $0.address == server(host) }
    }

    // MARK: Routing

    /// For each state: slot 0 (of `a`), the last slot (of `b`), any master, a read of slot 0, a read that a replica
    /// refused, ASK.
    static let routes: [(State, [String])] = [
        (.unused, ["wait", "wait", "wait", "wait", "wait", "x asking"]),
        (.looking, ["wait", "wait", "wait", "wait", "wait", "x asking"]),
        (.known, ["a", "b", "b", "replica r", "a", "x asking"]),
        (.moving, ["c", "b", "b", "c", "c", "x asking"]),
        (.unreachable, ["a", "b", "b", "replica r", "a", "x asking"]),
        (.stalled, ["a", "b", "b", "replica r", "a", "x asking"]),
        (.closed, Array(repeating: "fail closed", count: 6)),
    ]

    @Test(
        "Commands are routed to the master of their slot, reads to a replica, and none after shutdown",
        arguments: routes)
    func route(_ state: State, _ expected: [String]) {
        let targets = [
            RouteTarget(slot: slot(0)), RouteTarget(slot: slot(16_383)), RouteTarget(),
            RouteTarget(slot: slot(0), canUseReplica: true),
            RouteTarget(slot: slot(0), canUseReplica: true, redirection: .master),
            RouteTarget(slot: slot(0), redirection: .ask(server("x"))),
        ]
        for (target, expected) in zip(targets, expected) {
            var machine = Self.machine(state)
            expect(destination(machine.route(target).0), equals: expected, "\(target)")
        }
    }

    @Test("The first use starts lookups, later uses do not")
    func start() {
        var machine = Self.machine(.unused)
        expect(names(machine.route(RouteTarget()).1), equals: ["start"])
        expect(names(machine.route(RouteTarget()).1), equals: [])
        expect(names(machine.masters().1), equals: [])
        var other = Self.machine(.unused)
        expect(names(other.subscriptionAddress(for: nil, current: nil, random: 0).1), equals: ["start"])
    }

    @Test("An unserved slot is a clear error and causes a lookup")
    func unserved() {
        var machine = Self.machine(.looking)
        let map = SlotMap([(shard: .init(master: server("a")), slots: [0...99])])
        Self.lookUp(&machine, .map(ClusterView(source: server("a"), map: map, epoch: 1, isOK: true)))
        expect(destination(machine.route(RouteTarget(slot: slot(50))).0), equals: "a")
        guard case .fail(let error) = machine.route(RouteTarget(slot: slot(100))).0 else {
            Issue.record("the command was routed")
            return
        }
        expect(error.code == .clusterDown && error.message.contains("slot 100"))
        expect(machine.lifecycle.nextLookup < moment(1_000))
    }

    @Test("Callers wait for a cluster without slots until their deadline")
    func empty() {
        var machine = Self.machine(.looking)
        Self.lookUp(&machine, .map(ClusterView([], isOK: false)))
        guard case .wait(let ticket) = machine.route(RouteTarget()).0 else {
            Issue.record("the command was routed")
            return
        }
        expect(decided(machine.wait(1, for: ticket, now: moment(1), deadline: moment(9)).0), equals: "suspend")
        expect(
            decided(machine.wait(2, for: ticket, now: moment(9), deadline: moment(9)).0), equals: "fail connectFailed")
    }

    @Test("Commands without keys are distributed over the masters, unreachable ones last")
    func anyMaster() {
        var machine = Self.machine(.known)
        let turns = (0..<4).map { _ in destination(machine.route(RouteTarget()).0) }
        expect(turns, equals: ["b", "a", "b", "a"])
        for state in [State.unreachable, .stalled] {
            var machine = Self.machine(state)
            expect((0..<4).allSatisfy { _ in destination(machine.route(RouteTarget()).0) == "b" })
            _ = Self.node("b", of: machine).map { machine.connectionFailed($0) }
            expect(Set((0..<4).map { _ in destination(machine.route(RouteTarget()).0) }), equals: ["a", "b"])
        }
    }

    @Test("An unreachable replica receives no reads until a connection succeeds")
    func unreachableReplica() throws {
        var machine = Self.machine(.known)
        let replica = try #require(Self.node("r", of: machine))
        let read = RouteTarget(slot: slot(0), canUseReplica: true)
        _ = machine.connectionFailed(replica)
        expect(destination(machine.route(read).0), equals: "a")
        machine.connected(replica)
        expect(destination(machine.route(read).0), equals: "replica r")
        expect(ClusterStateMachine.policy(for: replica), equals: NodePolicy(failsFast: true, readsFromReplica: true))
        var without = Self.machine(.known, replicas: false)
        expect(destination(without.route(read).0), equals: "a")
        expect(without.watchedNodes.count, equals: 2)
    }

    // MARK: Failed requests

    struct Failure: CustomTestStringConvertible {
        let error: RedisError
        let advice: [String: RetryAdvice]
        let isEvidence: Bool

        init(_ error: RedisError, a: RetryAdvice, r: RetryAdvice, gone: RetryAdvice, evidence: Bool) {
            self.error = error
            advice = ["a": a, "r": r, "gone": gone]
            isEvidence = evidence
        }

        var testDescription: String { error.description }
    }

    /// The effects of a failure at the master `a`, its replica `r`, and a retired server.
    static let failures: [Failure] = [
        .init(
            reply("ASK 0 c:1"), a: .redirect(.ask(server("c"))), r: .redirect(.ask(server("c"))),
            gone: .redirect(.ask(server("c"))), evidence: false),
        .init(
            reply("MOVED 0 c:1"), a: .redirect(.master), r: .redirect(.master), gone: .redirect(.master),
            evidence: true),
        .init(reply("TRYAGAIN"), a: .later, r: .later, gone: .later, evidence: false),
        .init(reply("CLUSTERDOWN"), a: .later, r: .redirect(.master), gone: .later, evidence: true),
        .init(reply("READONLY"), a: .later, r: .redirect(.master), gone: .later, evidence: true),
        .init(reply("LOADING"), a: .later, r: .redirect(.master), gone: .later, evidence: true),
        .init(reply("MASTERDOWN"), a: .later, r: .redirect(.master), gone: .later, evidence: true),
        .init(reply("ERR wrong"), a: .standard, r: .standard, gone: .standard, evidence: false),
        .init(.neverSent, a: .later, r: .redirect(.master), gone: .redirect(nil), evidence: true),
        .init(RedisError(.connectFailed, "no"), a: .later, r: .redirect(.master), gone: .redirect(nil), evidence: true),
        .init(
            RedisError(.outcomeUnknown, "lost", mayHaveExecuted: true), a: .standard, r: .otherNode, gone: .otherNode,
            evidence: true),
        .init(
            RedisError(.timedOut, "late", mayHaveExecuted: true), a: .standard, r: .otherNode, gone: .otherNode,
            evidence: true),
        .init(RedisError(.poolExhausted, "busy"), a: .standard, r: .standard, gone: .standard, evidence: false),
        .init(.clientClosed, a: .standard, r: .standard, gone: .standard, evidence: false),
    ]

    @Test("The advice after a failure depends on the server's role and may include a lookup", arguments: failures)
    func failed(_ failure: Failure) throws {
        for (host, advice) in failure.advice {
            var machine = Self.machine(.known)
            let gone = NodeID(number: 99, address: server("gone"), isReplica: false)
            let node = host == "gone" ? gone : try #require(Self.node(host, of: machine))
            expect(machine.failed(failure.error, at: node).0, equals: advice, "\(host)")
            expect((machine.lifecycle.nextLookup < moment(1_000)), equals: failure.isEvidence, "\(host)")
        }
        var closed = Self.machine(.closed)
        let result = closed.failed(failure.error, at: NodeID(number: 1, address: server("a"), isReplica: false))
        expect(result.0 == .standard && result.1.isEmpty)
    }

    @Test(
        "Fault 2, a stale topology: MOVED is applied immediately, opens an unknown server and resumes waiting callers")
    func moved() throws {
        var machine = Self.machine(.known)
        let a = try #require(Self.node("a", of: machine))
        _ = machine.lifecycle.wait(7, since: machine.lifecycle.ticket)
        let (advice, actions) = machine.failed(Self.reply("MOVED 0 c:1"), at: a)
        expect(advice, equals: .redirect(.master))
        expect(names(actions), equals: ["open c", "relocate", "resume 7"])
        expect(names(machine.failed(Self.reply("MOVED 0 c:1"), at: a).1), equals: [])
        expect(destination(machine.route(RouteTarget(slot: slot(0))).0), equals: "c")
        expect(destination(machine.route(RouteTarget(slot: slot(1))).0), equals: "a")
        // For a known server, nothing is opened.
        expect(names(machine.failed(Self.reply("MOVED 1 b:1"), at: a).1), equals: ["relocate"])
        // Without a host, it is the queried server.
        _ = machine.failed(Self.reply("MOVED 16383 :1"), at: a)
        expect(destination(machine.route(RouteTarget(slot: slot(16_383))).0), equals: "a")
    }

    @Test("ASK opens the importing server once and changes nothing else")
    func query() {
        var machine = Self.machine(.known)
        let target = RouteTarget(slot: slot(0), redirection: .ask(server("c")))
        expect(names(machine.route(target).1), equals: ["open c"])
        expect(names(machine.route(target).1), equals: [])
        expect(destination(machine.route(RouteTarget(slot: slot(0))).0), equals: "a")
        // The map does not have it, so the next reading retires it.
        expect(Self.lookUp(&machine, .map(ClusterView(["a/r", "b"], epoch: 5)), at: 30_001).first, equals: "retire c")
    }

    // MARK: Lookups

    @Test("A new map opens new servers, retires missing ones and leaves the others unchanged")
    func learned() {
        var machine = Self.machine(.looking)
        _ = machine.lifecycle.wait(7, since: machine.lifecycle.ticket)
        let first = Self.lookUp(&machine, .map(ClusterView(["a/r", "b"], epoch: 5)))
        expect(first, equals: ["open a", "open b", "open replica r", "relocate", "resume 7"])
        let second = Self.lookUp(&machine, .map(ClusterView(["a/r", "b"], epoch: 5)), at: 30_001)
        expect(second, equals: ["relocate"])
        // `r` was promoted and now has another ID.
        let third = Self.lookUp(&machine, .map(ClusterView(["r", "c"], epoch: 6)), at: 60_002)
        expect(third, equals: ["retire a", "retire b", "retire replica r", "open r", "open c", "relocate"])
        expect(destination(machine.route(RouteTarget(slot: slot(0))).0), equals: "r")
        // The old master has returned.
        let fourth = Self.lookUp(&machine, .map(ClusterView(["a", "c"], epoch: 7)), at: 90_003)
        expect(fourth, equals: ["retire r", "open a", "relocate"])
    }

    @Test("The minimum of connections is kept open to current and future masters")
    func minimum() {
        var machine = Self.machine(.unused)
        expect(names(machine.keepMinimum()), equals: ["start"])
        let learned = Self.lookUp(&machine, .map(ClusterView(["a/r"], epoch: 5)))
        expect(learned, equals: ["open a", "open replica r", "minimum a", "relocate"])
        expect(names(machine.keepMinimum()), equals: ["minimum a"])
        _ = machine.shutdown()
        expect(names(machine.keepMinimum()), equals: [])
    }

    @Test("Fault 2, a stale topology: An older map is ignored unless no newer one appears")
    func stale() {
        var machine = Self.machine(.known)
        let old = ClusterStateMachine.Reply.map(ClusterView(["old"], epoch: 4))
        var time: Int64 = 30_001
        for _ in 0..<3 {
            expect(Self.lookUp(&machine, old, at: time), equals: ["relocate"])
            expect(destination(machine.route(RouteTarget(slot: slot(0))).0), equals: "a")
            // Another lookup follows soon.
            expect(machine.lifecycle.nextLookup <= moment(time + 500))
            time += 600
        }
        expect(Self.lookUp(&machine, old, at: time).contains("open old"))
        expect(destination(machine.route(RouteTarget(slot: slot(0))).0), equals: "old")
    }

    @Test(
        "A map that is incomplete or from a minority is used, and another one is read soon",
        arguments: [true, false])
    func incomplete(_ isOK: Bool) {
        var machine = Self.machine(.looking)
        let map = SlotMap([(shard: .init(master: server("a")), slots: [0...(isOK ? 99 : 16_383)])])
        Self.lookUp(&machine, .map(ClusterView(source: server("a"), map: map, epoch: 1, isOK: isOK)))
        expect(destination(machine.route(RouteTarget(slot: slot(50))).0), equals: "a")
        expect(machine.lifecycle.nextLookup <= moment(500))
    }

    @Test("Unreachable servers are queried last and checked, and recover when they respond")
    func suspects() throws {
        var generator = SeededGenerator(seed: 1)
        var machine = Self.machine(.unreachable)
        expect(machine.lifecycle.pollLookup(now: moment(100)))
        guard case .readMap(let order)? = machine.beginLookup(now: moment(100), using: &generator).0 else {
            Issue.record("there is no query")
            return
        }
        expect(Set(order.prefix(2)), equals: [server("b"), server("r")])
        expect(order.suffix(2), equals: [server("a"), server("seed")])
        let (next, _) = machine.received(.map(ClusterView(["a/r", "b"], epoch: 5)), now: moment(100), random: 0)
        expect(next, equals: .ping([server("a")]))
        var other = machine
        _ = machine.received(.responding([]), now: moment(100), random: 0)
        expect(machine.lifecycle.nextLookup <= moment(600), "it is in trouble still, so another lookup follows soon")
        _ = other.received(.responding([server("a")]), now: moment(100), random: 0)
        expect(other.lifecycle.nextLookup, equals: moment(30_100))
    }

    @Test("Without reachable servers, those of the configuration are queried first")
    func configuredServers() {
        var generator = SeededGenerator(seed: 1)
        var machine = Self.machine(.looking)
        expect(machine.beginLookup(now: moment(0), using: &generator).0, equals: .readMap([server("seed")]))
        machine = Self.machine(.known)
        for node in machine.watchedNodes { _ = machine.connectionFailed(node) }
        guard case .readMap(let order)? = machine.beginLookup(now: moment(0), using: &generator).0 else { return }
        expect(order.first == server("seed") && order.count == 4)
    }

    @Test("A failed lookup keeps the current map and resumes waiting callers")
    func failedLookup() {
        for state in [State.looking, .known] {
            var machine = Self.machine(state)
            let time: Int64 = state == .known ? 30_001 : 0
            _ = machine.lifecycle.wait(7, since: machine.lifecycle.ticket)
            let error = RedisError(.connectFailed, "no server replied")
            expect(Self.lookUp(&machine, .failed(error), at: time), equals: ["log", "resume 7"])
            expect(machine.lifecycle.nextLookup <= moment(time + 500))
            expect((machine.lookupError == nil), equals: (state == .known))
            expect(destination(machine.route(RouteTarget(slot: slot(0))).0), equals: (state == .known ? "a" : "wait"))
        }
    }

    @Test("A view that arrives after shutdown opens no server")
    func viewAfterShutdown() {
        var machine = Self.machine(.looking)
        var generator = SeededGenerator(seed: 1)
        expect(machine.lifecycle.pollLookup(now: moment(0)))
        _ = machine.beginLookup(now: moment(0), using: &generator)
        _ = machine.shutdown()
        expect(names(machine.received(.map(ClusterView(["a"])), now: moment(0), random: 0).1), equals: [])
        expect(!machine.lifecycle.pollLookup(now: moment(99_999)))
    }

    // MARK: Waiting

    @Test("A waiting caller receives a recent permanent failure immediately and any failure at its deadline")
    func waiting() {
        let lasting = RedisError(.authenticationFailed, "wrong")
        let passing = RedisError(.connectFailed, "no server replied")
        var machine = Self.machine(.looking)
        func wait(_ now: Int64, until end: Int64 = 9_000) -> String {
            decided(machine.wait(1, for: machine.lifecycle.ticket, now: moment(now), deadline: moment(end)).0)
        }
        expect(wait(0), equals: "suspend")
        expect(wait(1, until: 1), equals: "fail connectFailed")
        Self.lookUp(&machine, .failed(lasting))
        expect(wait(99), equals: "fail authenticationFailed")
        expect(wait(100), equals: "suspend")
        expect(wait(100, until: 100), equals: "fail authenticationFailed")
        Self.lookUp(&machine, .failed(passing), at: 1_000)
        expect(wait(1_001), equals: "suspend")
        expect(wait(1_001, until: 1_001), equals: "fail connectFailed")
        Self.lookUp(&machine, .map(ClusterView(["a"])), at: 2_000)
        expect(wait(2_001), equals: "proceed")
    }

    @Test("A caller with an outdated ticket does not wait, and no caller waits after shutdown")
    func tickets() {
        var machine = Self.machine(.looking)
        let old = machine.lifecycle.ticket
        Self.lookUp(&machine, .failed(RedisError(.connectFailed, "no server replied")))
        expect(decided(machine.wait(1, for: old, now: moment(1), deadline: moment(9)).0), equals: "proceed")
        _ = machine.shutdown()
        expect(
            decided(machine.wait(1, for: machine.lifecycle.ticket, now: moment(1), deadline: moment(9)).0),
            equals: "proceed")
    }

    // MARK: Servers and subscriptions

    @Test("Events of retired servers are ignored")
    func retired() {
        var machine = Self.machine(.known)
        let gone = NodeID(number: 99, address: server("a"), isReplica: false)
        expect(machine.connectionFailed(gone).isEmpty)
        expect(machine.stalled(gone).isEmpty)
        machine.connected(gone)
        expect(machine.lifecycle.nextLookup, equals: moment(30_000))
        expect(!machine.isCurrent(gone))
    }

    @Test("An unreachable or unresponsive server causes a lookup, and moves subscriptions once")
    func trouble() throws {
        var machine = Self.machine(.known)
        let a = try #require(Self.node("a", of: machine))
        expect(names(machine.connectionFailed(a)), equals: ["relocate"])
        expect(names(machine.connectionFailed(a)), equals: [])
        expect(machine.lifecycle.nextLookup < moment(1_000))
        var other = Self.machine(.known)
        expect(names(other.stalled(a)), equals: [])
        expect(other.lifecycle.nextLookup < moment(1_000))
        expect(decided(other.admit(1).0), equals: "proceed")
        _ = other.shutdown()
        expect(decided(other.admit(1).0), equals: "fail closed")
    }

    @Test(
        "Fault 4, dead pub/sub: Shard channels are assigned to the master of their slot, others to any reachable master"
    )
    func subscriptions() throws {
        var machine = Self.machine(.known)
        let shard = SubscriptionTarget(kind: .shardChannel, name: "{m}")
        let channel = SubscriptionTarget(kind: .channel, name: "news")
        func place(_ target: SubscriptionTarget, _ current: String? = nil, random: Double = 0) -> RedisAddress? {
            machine.subscriptionAddress(for: target, current: current.map { server($0) }, random: random).0
        }
        let owner = HashSlot(ofKey: "{m}").number < HashSlot.count / 2 ? "a" : "b"
        expect(place(shard), equals: server(owner))
        expect(place(channel, random: 0), equals: server("a"))
        expect(place(channel, random: 0.99), equals: server("b"))
        expect(place(channel, "b"), equals: server("b"))
        _ = machine.subscriptionFailed(RedisError(.outcomeUnknown, "lost"), at: server("b"))
        expect(place(channel, "b", random: 0.99), equals: server("a"))
        expect(machine.lifecycle.nextLookup < moment(1_000))
        // A redirection is applied immediately.
        let refusal = Self.reply("MOVED \(HashSlot(ofKey: "{m}").number) c:1")
        expect(names(machine.subscriptionFailed(refusal, at: server(owner))), equals: ["open c"])
        expect(place(shard), equals: server("c"))
        expect(machine.isKnown(server("c")) && !machine.isKnown(server("x")))
    }

    // MARK: End

    @Test("Shutdown happens once from every state and resumes waiting callers", arguments: State.allCases)
    func shutdown(_ state: State) {
        var machine = Self.machine(state)
        let isOpen = state != .closed
        _ = machine.lifecycle.wait(7, since: machine.lifecycle.ticket)
        let end = ["stop", "end nodes", "end subscriptions", "resume 7"]
        expect(names(machine.shutdown()), equals: (isOpen ? end : []))
        expect(names(machine.shutdown()), equals: [])
        expect(machine.watchedNodes.isEmpty)
        expect(destination(machine.route(RouteTarget()).0), equals: "fail closed")
    }

}
