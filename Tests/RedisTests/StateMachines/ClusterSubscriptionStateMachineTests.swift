// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("Cluster subscription state machine")
struct ClusterSubscriptionStateMachineTests {
    private typealias Machine = ClusterSubscriptionStateMachine

    /// A state machine with its actions and the servers of channels: those named `x…` belong to `x`, and so on.
    private struct Bench {
        var machine = Machine()
        var moves: [String: String] = [:]
        var lookupError: RedisError?
        /// The last attempt for each channel.
        var attempts: [Int: Machine.Attempt] = [:]

        private var locate: Machine.Locate {
            { [moves] target, _ in
                let home = moves[target.name] ?? String(target.name.prefix(1))
                return home == "?" ? nil : server(home)
            }
        }

        mutating func subscribe(_ id: Int, _ channels: String...) -> [String] {
            let targets = channels.map { SubscriptionTarget(kind: .shardChannel, name: $0) }
            return names(machine.subscribe(id, to: targets, locate: locate))
        }

        mutating func confirmed(_ channel: Int) -> [String] { confirmed(attempt(channel)) }
        mutating func confirmed(_ attempt: Machine.Attempt) -> [String] { names(machine.confirmed(attempt)) }

        mutating func refused(_ channel: Int, _ error: RedisError) -> [String] {
            names(machine.refused(attempt(channel), error))
        }

        mutating func retry(_ channel: Int) -> [String] {
            names(machine.retry(attempt(channel), lookupError: lookupError, locate: locate))
        }

        mutating func relocate(known: [String]) -> [String] {
            let addresses = known.map { server($0) }
            return names(machine.relocate(locate: locate) { addresses.contains($0) })
        }

        func attempt(_ channel: Int) -> Machine.Attempt { attempts[channel] ?? .init(channel: channel, number: 0) }

        mutating func names(_ actions: [Machine.Action]) -> [String] {
            actions.map { action in
                switch action {
                case .subscribe(let attempt, let subscriber, let target, let address):
                    attempts[attempt.channel] = attempt
                    return "subscribe \(target.name) for \(subscriber) at \(host(address))"
                case .unsubscribe(let channel, let address): return "unsubscribe \(channel) at \(host(address))"
                case .retry(let attempt, let pause):
                    attempts[attempt.channel] = attempt
                    return "retry \(attempt.channel) after \(pause.nanoseconds / 1_000_000)"
                case .report(let error, let address): return "report \(error.code) at \(host(address))"
                case .confirm(let id): return "confirm \(id)"
                case .gap(let id): return "gap \(id)"
                case .end(let id, let error): return "end \(id) \(error.code)"
                case .close(let address): return "close \(host(address))"
                case .relocateSoon: return "relocate"
                }
            }
        }

        private func host(_ address: RedisAddress) -> String {
            if case .tcp(let host, _) = address { host } else { "\(address)" }
        }
    }

    private static let lost = RedisError(.outcomeUnknown, "lost", mayHaveExecuted: true)

    @Test("A subscription is confirmed when all of its channels are confirmed at their servers")
    func confirmation() {
        var bench = Bench()
        expect(bench.subscribe(1, "a1", "b1"), equals: ["subscribe a1 for 1 at a", "subscribe b1 for 1 at b"])
        expect(bench.confirmed(1), equals: [])
        expect(bench.confirmed(2), equals: ["confirm 1"])
    }

    @Test(
        "Fault 4, dead pub/sub: A moved channel is subscribed at its new server, and its reader then receives a gap"
    )
    func moving() {
        var bench = Bench()
        _ = bench.subscribe(1, "a1", "b1")
        _ = bench.confirmed(1)
        _ = bench.confirmed(2)
        let before = bench.attempt(1)
        bench.moves["a1"] = "c"
        expect(bench.relocate(known: ["a", "b", "c"]), equals: ["unsubscribe 1 at a", "subscribe a1 for 1 at c"])
        // Reports of the old server are ignored.
        expect(bench.confirmed(before), equals: [])
        expect(bench.machine.refused(before, Self.lost).isEmpty)
        expect(bench.confirmed(1), equals: ["gap 1"])
        expect(bench.relocate(known: ["a", "b", "c"]), equals: [])
    }

    @Test("A connection is closed when it is unused and its server is no longer a master")
    func unused() {
        var bench = Bench()
        _ = bench.subscribe(1, "a1")
        _ = bench.confirmed(1)
        bench.moves["a1"] = "b"
        _ = bench.relocate(known: ["a", "b"])
        expect(bench.relocate(known: ["b"]), equals: ["close a"])
        expect(bench.relocate(known: []), equals: [], "it is used, known or not")
        expect(bench.names(bench.machine.unsubscribe(1)), equals: ["unsubscribe 1 at b"])
        expect(bench.relocate(known: []), equals: ["close b"])
    }

    @Test(
        "A temporary refusal is reported and retried after a pause",
        arguments: [
            lost, RedisError(.connectFailed, "no"), RedisError(.cancelled, "moved"),
            RedisError(reply: RESPError("MOVED 1 b:1")), RedisError(reply: RESPError("CLUSTERDOWN")),
        ])
    func passing(_ error: RedisError) {
        var bench = Bench()
        _ = bench.subscribe(1, "a1")
        expect(bench.refused(1, error), equals: ["report \(error.code) at a", "retry 1 after 10"])
        expect(bench.retry(1), equals: ["subscribe a1 for 1 at a"])
        expect(bench.confirmed(1), equals: ["confirm 1"])
    }

    @Test("Pauses double up to half a second and are reset by a confirmation")
    func pauses() {
        var bench = Bench()
        _ = bench.subscribe(1, "a1")
        for pause in [10, 20, 40, 80, 160, 320, 500, 500] {
            expect(bench.refused(1, Self.lost).last, equals: "retry 1 after \(pause)")
            _ = bench.retry(1)
        }
        _ = bench.confirmed(1)
        expect(bench.refused(1, Self.lost).last, equals: "retry 1 after 10")
        _ = bench.retry(1)
        expect(bench.confirmed(1), equals: ["gap 1"])
    }

    @Test("A permanent refusal ends the subscription with its other channels")
    func lasting() {
        var bench = Bench()
        _ = bench.subscribe(1, "a1", "b1")
        _ = bench.confirmed(2)
        let error = RedisError(reply: RESPError("NOPERM no"))
        expect(
            bench.refused(1, error),
            equals: [
                "report permissionDenied at a", "unsubscribe 2 at b", "end 1 permissionDenied",
            ])
        expect(bench.confirmed(1), equals: [])
        expect(bench.retry(1), equals: [])
    }

    @Test(
        "A channel without a known server is retried; a permanent failure ends only subscriptions that were never confirmed"
    )
    func unknown() {
        var bench = Bench()
        expect(bench.subscribe(1, "?"), equals: ["retry 1 after 10"])
        bench.lookupError = RedisError(.connectFailed, "no server replied")
        expect(bench.retry(1), equals: ["retry 1 after 20"])
        var confirmed = bench
        confirmed.moves["?"] = "a"
        expect(confirmed.retry(1), equals: ["subscribe ? for 1 at a"])
        expect(confirmed.confirmed(1), equals: ["confirm 1"])
        bench.lookupError = RedisError(.authenticationFailed, "wrong")
        confirmed.lookupError = bench.lookupError
        expect(bench.retry(1), equals: ["end 1 authenticationFailed"])
        confirmed.moves["?"] = "?"
        expect(confirmed.refused(1, Self.lost).last, equals: "retry 1 after 10")
        expect(confirmed.retry(1), equals: ["retry 1 after 20"])
        expect(confirmed.retry(1), equals: ["retry 1 after 40"])
    }

    @Test("A lost connection is reported and its channels are reassigned, unless it is unused")
    func lostConnection() {
        var bench = Bench()
        _ = bench.subscribe(1, "a1")
        expect(
            bench.names(bench.machine.connectionFailed(Self.lost, at: server("a"))),
            equals: ["report outcomeUnknown at a", "relocate"])
        expect(bench.machine.connectionFailed(Self.lost, at: server("b")).isEmpty)
        _ = bench.refused(1, Self.lost)
        expect(bench.machine.connectionFailed(Self.lost, at: server("a")).isEmpty)
    }

    @Test("Shutdown ends every subscription once, and later ones are refused")
    func shutdown() {
        var bench = Bench()
        _ = bench.subscribe(1, "a1")
        _ = bench.subscribe(2, "b1")
        let end = bench.names(bench.machine.shutdown())
        expect(end, equals: ["unsubscribe 1 at a", "end 1 closed", "unsubscribe 2 at b", "end 2 closed"])
        expect(bench.machine.shutdown().isEmpty)
        expect(bench.subscribe(3, "a1"), equals: ["end 3 closed"])
        bench.moves["a1"] = "c"
        expect(bench.relocate(known: []), equals: [])
        expect(bench.confirmed(1) == [] && bench.refused(1, Self.lost) == [] && bench.retry(1) == [])
        expect(bench.machine.connectionFailed(Self.lost, at: server("a")).isEmpty)
        expect(bench.machine.unsubscribe(1).isEmpty)
    }
}
