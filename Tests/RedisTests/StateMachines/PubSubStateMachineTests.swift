// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("Subscription state machine")
struct PubSubStateMachineTests {
    private static func time(_ seconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000_000) + .seconds(seconds)
    }

    private static func channel(_ name: String) -> SubscriptionTarget { .init(kind: .channel, name: name) }
    private var machine = PubSubStateMachine(
        .init(
            initialBackoff: .seconds(1), maxBackoff: .seconds(4), healthCheckInterval: .seconds(15),
            healthCheckTimeout: .seconds(5)))

    private mutating func subscribe(_ id: Int, _ names: String...) -> PubSubStateMachine.Actions {
        machine.subscribe(id, to: names.map { Self.channel($0) }, now: Self.time(0))
    }

    /// One subscriber of channel `a`, confirmed.
    private mutating func establish() {
        #expect(subscribe(1, "a").shouldConnect)
        #expect(machine.connected(now: Self.time(0)).write == [RedisCommand("SUBSCRIBE", "a")])
        #expect(machine.subscribed(Self.channel("a")).confirm == [1])
    }

    @Test("A subscriber is confirmed when the server has confirmed all channels")
    mutating func confirmation() {
        _ = subscribe(1, "a", "b")
        #expect(machine.connected(now: Self.time(0)).write == [RedisCommand("SUBSCRIBE", "a", "b")])
        #expect(machine.subscribed(Self.channel("a")).confirm.isEmpty)
        #expect(machine.subscribed(Self.channel("b")).confirm == [1])
    }

    @Test("A channel with several subscribers is subscribed once and unsubscribed with the last one")
    mutating func sharing() {
        establish()
        let second = subscribe(2, "a")
        #expect(second.write.isEmpty && second.confirm == [2])
        #expect(machine.receivers(of: Self.channel("a")) == [1, 2])
        #expect(machine.unsubscribe(1, now: Self.time(1)).write.isEmpty)
        #expect(machine.unsubscribe(2, now: Self.time(1)).write == [RedisCommand("UNSUBSCRIBE", "a")])
        #expect(machine.receivers(of: Self.channel("a")).isEmpty)
    }

    @Test("Fault 4, dead pub/sub: A reconnect renews all subscriptions before the gap is delivered")
    mutating func reconnect() {
        establish()
        _ = machine.disconnected(now: Self.time(10), random: 0)
        #expect(machine.nextTick == Self.time(11))
        #expect(!machine.tick(now: Self.time(10)).shouldConnect)
        #expect(machine.tick(now: Self.time(11)).shouldConnect)
        let connected = machine.connected(now: Self.time(11))
        #expect(connected.write == [RedisCommand("SUBSCRIBE", "a")])
        #expect(connected.gap.isEmpty)
        let confirmed = machine.subscribed(Self.channel("a"))
        #expect(confirmed.gap == [1] && confirmed.confirm.isEmpty)
    }

    @Test("Fault 4, dead pub/sub: A silent connection is checked, and closed if no reply arrives")
    mutating func silence() {
        establish()
        #expect(machine.nextTick == Self.time(15))
        #expect(machine.tick(now: Self.time(15)).write == [RedisCommand("PING")])
        #expect(machine.nextTick == Self.time(20))
        #expect(machine.tick(now: Self.time(20)).shouldClose)
    }

    @Test("A check with a reply keeps the connection open")
    mutating func checkWithReply() {
        establish()
        _ = machine.tick(now: Self.time(15))
        machine.readBytes(now: Self.time(16))
        machine.pong()
        #expect(machine.nextTick == Self.time(31))
        #expect(!machine.tick(now: Self.time(20)).shouldClose)
    }

    @Test("A subscription that the server ends is renewed with a gap")
    mutating func endedByServer() {
        let target = SubscriptionTarget(kind: .shardChannel, name: "s")
        _ = machine.subscribe(1, to: [target], now: Self.time(0))
        _ = machine.connected(now: Self.time(0))
        _ = machine.subscribed(target)
        #expect(machine.unsubscribed(.shardChannel, name: "s").write == [RedisCommand("SSUBSCRIBE", "s")])
        #expect(machine.subscribed(target).gap == [1])
    }

    @Test("A refused channel ends only its subscriber")
    mutating func refusal() {
        establish()
        let error = RESPError("NOPERM no")
        #expect(subscribe(2, "b").write == [RedisCommand("SUBSCRIBE", "b")])
        #expect(machine.refused(error, now: Self.time(1)).refuse == [.init(subscriber: 2, error: error)])
        #expect(machine.receivers(of: Self.channel("a")) == [1])
    }

    @Test("A refused command of several subscribers is retried for each of them")
    mutating func sharedRefusal() {
        _ = subscribe(1, "a")
        _ = subscribe(2, "b")
        #expect(machine.connected(now: Self.time(0)).write == [RedisCommand("SUBSCRIBE", "a", "b")])
        let retry = machine.refused(RESPError("NOPERM no"), now: Self.time(0))
        #expect(retry.write == [RedisCommand("SUBSCRIBE", "a"), RedisCommand("SUBSCRIBE", "b")])
        #expect(machine.subscribed(Self.channel("a")).confirm == [1])
        #expect(machine.refused(RESPError("NOPERM no"), now: Self.time(0)).refuse.map(\.subscriber) == [2])
    }

    @Test("Unsubscribing and subscribing in quick succession results in a subscription")
    mutating func resubscription() {
        establish()
        #expect(machine.unsubscribe(1, now: Self.time(1)).write == [RedisCommand("UNSUBSCRIBE", "a")])
        #expect(subscribe(2, "a").write == [RedisCommand("SUBSCRIBE", "a")])
        _ = machine.unsubscribed(.channel, name: "a")
        #expect(machine.subscribed(Self.channel("a")).confirm == [2])
    }

    @Test("An unused connection is closed after a while and reopened on demand")
    mutating func unused() {
        establish()
        _ = machine.unsubscribe(1, now: Self.time(20))
        #expect(machine.nextTick == Self.time(35))
        #expect(machine.tick(now: Self.time(35)).shouldClose)
        _ = machine.disconnected(now: Self.time(35), random: 0)
        #expect(machine.nextTick == nil)
        #expect(subscribe(2, "a").shouldConnect)
    }

    @Test("A slow reader loses the oldest messages and receives a gap")
    func overflow() async throws {
        let buffer = SubscriptionBuffer(limit: 2)
        func message(_ text: String) -> RedisSubscriptionEvent {
            .message(RedisMessage(channel: "c", payload: ByteBuffer(string: text)))
        }
        for text in ["1", "2", "3", "4"] { buffer.add(message(text)) }
        buffer.finish(nil)
        var events: [RedisSubscriptionEvent] = []
        while let event = try await buffer.next(onCancel: {}) { events.append(event) }
        #expect(events == [.gap, message("3"), message("4")])
    }

    @Test("RESP2 arrays and RESP3 pushes yield the same messages")
    func messages() {
        let elements = ["pmessage", "n*", "news", "hi"].map { RESPValue.bulkString(ByteBuffer(string: $0)) }
        let expected = PubSubMessage.published(
            SubscriptionTarget(kind: .pattern, name: "n*"),
            RedisMessage(channel: "news", pattern: "n*", payload: ByteBuffer(string: "hi")))
        #expect(PubSubMessage(.push(elements)) == expected)
        #expect(PubSubMessage(.reply(.array(elements))) == expected)
        #expect(PubSubMessage(.push([.simpleString("invalidate"), .null])) == .other)
        #expect(PubSubMessage(.reply(.simpleString("PONG"))) == .pong)
    }
}
