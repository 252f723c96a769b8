// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

/// Every state of the state machine, and the effect of every input.
@Suite("Sentinel state machine")
struct SentinelStateMachineTests {
    enum State: String, CaseIterable { case unused, looking, known, inDoubt, closed }

    /// A state machine in a state. Where servers are known, `m` is the master and `r`, `q` are replicas.
    static func machine(_ state: State, replicas: Bool = true) -> SentinelStateMachine {
        var machine = SentinelStateMachine(
            sentinels: [server("s1"), server("s2")], masterName: "main", readsFromReplicas: replicas,
            refresh: .init(interval: .seconds(30)))
        guard state != .unused else { return machine }
        _ = machine.route(RouteTarget())
        guard state != .looking else { return machine }
        lookUp(&machine, "m", replicas: ["r", "q"])
        if state == .inDoubt, let master = machine.currentMasters.first { _ = machine.connectionFailed(master) }
        if state == .closed { _ = machine.shutdown() }
        return machine
    }

    /// A lookup in which the first Sentinel reports a master.
    @discardableResult
    static func lookUp(
        _ machine: inout SentinelStateMachine, _ master: String, epoch: Int = 1, replicas: [String] = [],
        sentinels: [String] = [], at time: Int64 = 0
    ) -> [String] {
        var generator = SeededGenerator(seed: 1)
        guard machine.lifecycle.pollLookup(now: moment(time)) else { return ["not due"] }
        guard case .querySentinel? = machine.beginLookup(now: moment(time), using: &generator).0 else { return ["?"] }
        let report = SentinelReport(address: server(master), epoch: epoch)
        let reply = SentinelStateMachine.Reply.sentinel(
            .master(report), replicas: replicas.map { server($0) }, sentinels: sentinels.map { server($0) })
        guard machine.received(reply, now: moment(time), random: 0).0 == .queryRole(server(master)) else {
            return ["?"]
        }
        let (next, actions) = machine.received(.isMaster(.success(true)), now: moment(time), random: 0)
        return next == nil ? names(actions) : ["asks on"]
    }

    /// A lookup in which no Sentinel replies.
    @discardableResult
    static func failLookup(
        _ machine: inout SentinelStateMachine, _ error: RedisError = RedisError(.connectFailed, "no"),
        at time: Int64 = 0
    ) -> [String] {
        var generator = SeededGenerator(seed: 1)
        guard machine.lifecycle.pollLookup(now: moment(time)) else { return ["not due"] }
        var (query, actions) = machine.beginLookup(now: moment(time), using: &generator)
        while query != nil {
            (query, actions) = machine.received(
                .sentinel(.failed(error), replicas: [], sentinels: []), now: moment(time), random: 0)
        }
        return names(actions)
    }

    private func node(_ host: String, of machine: SentinelStateMachine) throws -> NodeID {
        let all =
            machine.currentMasters
            + (0..<20).flatMap { number in
                ["r", "q", "m"].map { NodeID(number: number, address: server($0), isReplica: $0 != "m") }
            }
        return try #require(all.first { $0.address == server(host) && machine.isCurrent($0) })
    }

    // MARK: Routing

    /// For each state: a write, a read, a read that a replica refused.
    static let routes: [(State, [String])] = [
        (.unused, ["wait", "wait", "wait"]),
        (.looking, ["wait", "wait", "wait"]),
        (.known, ["m", "replica q", "m"]),
        (.inDoubt, ["m", "replica q", "m"]),
        (.closed, ["fail closed", "fail closed", "fail closed"]),
    ]

    @Test(
        "Commands are routed to the master, reads to the replicas, and none after shutdown", arguments: routes)
    func route(_ state: State, _ expected: [String]) {
        let targets = [
            RouteTarget(), RouteTarget(canUseReplica: true), RouteTarget(canUseReplica: true, redirection: .master),
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
        var other = Self.machine(.unused)
        expect(names(other.subscriptionAddress(for: nil, current: nil, random: 0).1), equals: ["start"])
        expect(names(other.keepMinimum()), equals: [])
    }

    @Test("Reads are distributed over the replicas, except for unreachable ones until the next lookup")
    func replicas() throws {
        var machine = Self.machine(.known)
        let read = RouteTarget(canUseReplica: true)
        expect(
            (0..<4).map { _ in destination(machine.route(read).0) },
            equals: ["replica q", "replica r", "replica q", "replica r"])
        _ = machine.connectionFailed(try node("r", of: machine))
        expect((0..<2).map { _ in destination(machine.route(read).0) }, equals: ["replica q", "replica q"])
        _ = machine.connectionFailed(try node("q", of: machine))
        expect(destination(machine.route(read).0), equals: "m")
        Self.lookUp(&machine, "m", replicas: ["r", "q"], at: 1_000)
        expect(destination(machine.route(read).0).hasPrefix("replica"))
        var without = Self.machine(.known, replicas: false)
        expect(destination(without.route(read).0), equals: "m")
    }

    // MARK: Failed requests

    /// The effects of a failure at the master `m`, the replica `r`, and a retired master.
    static let failures: [(RedisError, m: RetryAdvice, r: RetryAdvice, gone: RetryAdvice, isEvidence: Bool)] = [
        (reply("READONLY"), .later, .redirect(.master), .redirect(nil), true),
        (reply("LOADING"), .later, .redirect(.master), .redirect(nil), true),
        (reply("MASTERDOWN"), .later, .redirect(.master), .redirect(nil), true),
        (reply("NOREPLICAS"), .later, .redirect(.master), .redirect(nil), true),
        (reply("ERR wrong"), .standard, .redirect(.master), .standard, false),
        (.neverSent, .later, .redirect(.master), .redirect(nil), true),
        (RedisError(.connectFailed, "no"), .later, .redirect(.master), .redirect(nil), true),
        (lost, .standard, .otherNode, .otherNode, true),
        (RedisError(.timedOut, "late", mayHaveExecuted: true), .standard, .otherNode, .otherNode, true),
        (RedisError(.timedOut, "late"), .standard, .redirect(.master), .redirect(nil), true),
        (RedisError(.poolExhausted, "busy"), .standard, .redirect(.master), .standard, false),
        (.clientClosed, .standard, .redirect(.master), .standard, false),
    ]

    static let lost = RedisError(.outcomeUnknown, "lost", mayHaveExecuted: true)
    static func reply(_ text: String) -> RedisError { RedisError(reply: RESPError(text)) }

    @Test("The advice after a failure depends on the server's role and may include a lookup", arguments: 0..<12)
    func failed(_ index: Int) throws {
        let (error, m, r, gone, isEvidence) = Self.failures[index]
        for (host, advice) in [("m", m), ("r", r), ("gone", gone)] {
            var machine = Self.machine(.known)
            let retired = NodeID(number: 99, address: server("gone"), isReplica: false)
            let node = host == "gone" ? retired : try node(host, of: machine)
            expect(machine.failed(error, at: node).0, equals: advice, "\(host): \(error)")
            // A failure of a replica causes no lookup: the master serves its reads.
            expect(
                (machine.lifecycle.nextLookup < moment(1_000)), equals: (isEvidence && host != "r"), "\(host): \(error)"
            )
        }
        var closed = Self.machine(.closed)
        let result = closed.failed(error, at: nil)
        expect(result.0 == .standard && result.1.isEmpty)
    }

    // MARK: Masters in doubt

    @Test("After a failure, no connection to the master is opened before the Sentinels have confirmed it")
    func admission() throws {
        var machine = Self.machine(.known)
        expect(decided(machine.admit(1).0), equals: "proceed")
        machine = Self.machine(.inDoubt)
        expect(decided(machine.admit(1).0), equals: "suspend")
        expect(decided(machine.admit(2).0), equals: "suspend")
        expect(machine.subscriptionAddress(for: nil, current: server("m"), random: 0).0, equals: nil)
        // The same master is confirmed: waiting connections are admitted, and nothing is retired.
        expect(Self.lookUp(&machine, "m", replicas: ["r", "q"], at: 1_000), equals: ["resume 1 2", "relocate"])
        expect(decided(machine.admit(3).0), equals: "proceed")
        expect(machine.subscriptionAddress(for: nil, current: nil, random: 0).0, equals: server("m"))
    }

    @Test("Connections that wait for admission are refused when no master is found and at shutdown")
    func refusedAdmission() {
        var machine = Self.machine(.inDoubt)
        _ = machine.admit(1)
        expect(Self.failLookup(&machine, at: 1_000), equals: ["log", "refuse 1 connectFailed"])
        expect(decided(machine.admit(2).0), equals: "suspend", "the master is still in doubt")
        expect(names(machine.shutdown()), equals: ["stop", "refuse 2 closed", "end nodes", "end subscriptions"])
        expect(decided(machine.admit(3).0), equals: "fail closed")
    }

    @Test("A failed subscription puts the master in doubt, an unresponsive server only causes a lookup")
    func trouble() throws {
        var machine = Self.machine(.known)
        let master = try node("m", of: machine)
        expect(names(machine.stalled(master)), equals: [])
        expect(machine.lifecycle.nextLookup < moment(1_000))
        expect(decided(machine.admit(1).0), equals: "proceed")
        _ = machine.subscriptionFailed(Self.lost, at: server("m"))
        expect(decided(machine.admit(1).0), equals: "suspend")
        expect(machine.watchedNodes, equals: [master])
    }

    // MARK: Lookups

    @Test("A new master replaces the old one with its replicas and resumes waiting callers")
    func failedOver() throws {
        var machine = Self.machine(.known)
        _ = machine.lifecycle.wait(7, since: machine.lifecycle.ticket)
        let old = try node("m", of: machine)
        let actions = Self.lookUp(&machine, "r", epoch: 2, replicas: ["q", "p"], at: 30_001)
        expect(
            actions,
            equals: [
                "retire m", "log", "open r", "retire replica r", "open replica p", "resume 7", "relocate",
            ])
        expect(!machine.isCurrent(old))
        expect(destination(machine.route(RouteTarget()).0), equals: "r")
        expect(machine.failed(.neverSent, at: old).0, equals: .redirect(nil))
        expect(machine.isKnown(server("r")) && !machine.isKnown(server("m")))
    }

    @Test("The first master is opened, with the minimum of connections if it is kept")
    func first() {
        var machine = Self.machine(.looking, replicas: false)
        _ = machine.lifecycle.wait(7, since: machine.lifecycle.ticket)
        expect(Self.lookUp(&machine, "m", replicas: ["r"]), equals: ["open m", "resume 7", "relocate"])
        var other = Self.machine(.unused, replicas: false)
        expect(names(other.keepMinimum()), equals: ["start"])
        expect(Self.lookUp(&other, "m"), equals: ["open m", "minimum m", "relocate"])
        expect(names(other.keepMinimum()), equals: ["minimum m"])
        expect(Self.lookUp(&other, "n", at: 30_001), equals: ["retire m", "log", "open n", "minimum n", "relocate"])
    }

    @Test("An announced failover causes an immediate lookup at the announcing Sentinel, a gap causes one soon")
    func announced() {
        var generator = SeededGenerator(seed: 1)
        var machine = Self.machine(.known)
        expect(names(machine.announced(.failedOver(by: server("s2")))), equals: ["log"])
        expect(machine.lifecycle.pollLookup(now: moment(1)))
        expect(machine.beginLookup(now: moment(1), using: &generator).0, equals: .querySentinel(server("s2")))
        var other = Self.machine(.known)
        expect(names(other.announced(.gap)), equals: [])
        expect(!other.lifecycle.pollLookup(now: moment(1)))
        expect(other.lifecycle.pollLookup(now: moment(50)))
        _ = other.shutdown()
        expect(names(other.announced(.failedOver(by: server("s2")))), equals: [])
    }

    @Test("The Sentinel that replied is queried first next time, and Sentinels that it lists are queried as well")
    func order() {
        var generator = SeededGenerator(seed: 1)
        var machine = Self.machine(.looking)
        Self.lookUp(&machine, "m", sentinels: ["s3"])
        expect(machine.lifecycle.pollLookup(now: moment(30_001)))
        var addresses: [SentinelStateMachine.Query] = []
        var query = machine.beginLookup(now: moment(30_001), using: &generator).0
        while let current = query {
            addresses.append(current)
            query =
                machine.received(
                    .sentinel(.failed(RedisError(.connectFailed, "no")), replicas: [], sentinels: []),
                    now: moment(30_001), random: 0
                ).0
        }
        expect(addresses, equals: ["s1", "s2", "s3"].map { .querySentinel(server($0)) })
        expect(destination(machine.route(RouteTarget()).0), equals: "m", "the known master stays current")
    }

    @Test("A master that does not confirm its role is not used", arguments: [true, false])
    func unconfirmed(_ replies: Bool) {
        var generator = SeededGenerator(seed: 1)
        var machine = Self.machine(.looking)
        expect(machine.lifecycle.pollLookup(now: moment(0)))
        _ = machine.beginLookup(now: moment(0), using: &generator)
        let report = SentinelReport(address: server("m"), epoch: 1)
        _ = machine.received(.sentinel(.master(report), replicas: [], sentinels: []), now: moment(0), random: 0)
        let result: Result<Bool, RedisError> = replies ? .success(false) : .failure(RedisError(.connectFailed, "no"))
        let (next, actions) = machine.received(.isMaster(result), now: moment(0), random: 0)
        expect(next == .querySentinel(server("s2")) && actions.isEmpty)
        expect(destination(machine.route(RouteTarget()).0), equals: "wait")
    }

    @Test("Unexpected replies and replies after shutdown are ignored")
    func strayReplies() {
        for state in State.allCases {
            var machine = Self.machine(state)
            let before = destination(machine.route(RouteTarget()).0)
            let report = SentinelReport(address: server("x"), epoch: 9)
            for reply in [
                SentinelStateMachine.Reply.isMaster(.success(true)),
                .sentinel(.master(report), replicas: [server("y")], sentinels: []),
            ] {
                let (next, actions) = machine.received(reply, now: moment(0), random: 0)
                expect(next == nil && actions.isEmpty)
            }
            expect(destination(machine.route(RouteTarget()).0), equals: before)
        }
        var generator = SeededGenerator(seed: 1)
        var machine = Self.machine(.looking)
        expect(machine.lifecycle.pollLookup(now: moment(0)))
        _ = machine.beginLookup(now: moment(0), using: &generator)
        _ = machine.shutdown()
        let report = SentinelReport(address: server("x"), epoch: 9)
        let late = machine.received(.sentinel(.master(report), replicas: [], sentinels: []), now: moment(0), random: 0)
        expect(late.0 == nil && late.1.isEmpty)
    }

    @Test("A waiting caller receives a recent permanent failure immediately and any failure at its deadline")
    func waiting() {
        var machine = Self.machine(.looking)
        func wait(_ now: Int64, until end: Int64 = 9_000) -> String {
            decided(
                machine.wait(1, for: machine.lifecycle.ticket, now: moment(now), deadline: moment(end)).0)
        }
        expect(wait(0), equals: "suspend")
        expect(wait(1, until: 1), equals: "fail connectFailed")
        Self.failLookup(&machine, RedisError(.authenticationFailed, "wrong"))
        expect(wait(99), equals: "fail authenticationFailed")
        expect(wait(100), equals: "suspend")
        Self.lookUp(&machine, "m", at: 2_000)
        expect(wait(2_001), equals: "proceed")
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
        expect(machine.currentMasters.isEmpty)
        expect(destination(machine.route(RouteTarget()).0), equals: "fail closed")
    }
}
