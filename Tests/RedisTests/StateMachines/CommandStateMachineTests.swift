// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("Connection state machine")
struct CommandStateMachineTests {
    private static func time(_ seconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000_000) + .seconds(seconds)
    }

    private var machine = CommandStateMachine<String>(silenceLimit: .seconds(5), now: time(0))

    private mutating func send(_ token: String, replies: Int = 1, deadline: Int64 = 5, now: Int64 = 0) {
        #expect(
            machine.send(token, replyCount: replies, deadline: Self.time(deadline), now: Self.time(now)) == .write)
    }

    private mutating func reply() -> String {
        switch machine.receivedReply() {
        case .deliver(let token, let isLast): isLast ? token : "\(token)…"
        case .deliverAndClose(let token): "\(token), close"
        case .violation: "violation"
        }
    }

    @Test("Replies are matched to requests in the order of sending")
    mutating func order() {
        send("a")
        send("b", replies: 3)
        send("c")
        #expect([reply(), reply(), reply(), reply(), reply()] == ["a", "b…", "b…", "b", "c"])
        #expect(machine.outstanding == 0)
    }

    @Test("A reply without a request is a protocol violation")
    mutating func surplus() {
        #expect(reply() == "violation")
        send("a")
        #expect(reply() == "a")
        #expect(reply() == "violation")
    }

    @Test("Fault 7, replies off by one: A request that timed out keeps its place")
    mutating func expiryKeepsOrder() {
        send("a", deadline: 1)
        send("b", deadline: 9)
        let action = machine.checkDeadlines(now: Self.time(1))
        #expect(action.expired == ["a"])
        #expect(!action.shouldClose)
        #expect(action.next == Self.time(5))
        #expect(reply() == "a")
        #expect(reply() == "b")
    }

    @Test("A request is reported as expired once")
    mutating func expiredOnce() {
        send("a", deadline: 1)
        #expect(machine.checkDeadlines(now: Self.time(2)).expired == ["a"])
        #expect(machine.checkDeadlines(now: Self.time(3)).expired.isEmpty)
    }

    @Test(
        "Fault 3, half-open sockets: A silent connection is closed when the silence limit has passed after a deadline")
    mutating func silenceCloses() {
        send("a", deadline: 5)
        let action = machine.checkDeadlines(now: Self.time(5))
        #expect(action.expired == ["a"])
        #expect(action.shouldClose)
    }

    @Test("A peer that still sends bytes is slow, not dead")
    mutating func slowIsNotDead() {
        send("a", deadline: 5)
        machine.readBytes(now: Self.time(4))
        let action = machine.checkDeadlines(now: Self.time(5))
        #expect(action.expired == ["a"])
        #expect(!action.shouldClose)
        #expect(action.next == Self.time(9))
        #expect(machine.checkDeadlines(now: Self.time(9)).shouldClose)
    }

    @Test("A request with a time limit above the silence limit is not interrupted")
    mutating func longCommands() {
        send("slow", deadline: 60)
        let action = machine.checkDeadlines(now: Self.time(30))
        #expect(action.expired.isEmpty)
        #expect(!action.shouldClose)
        #expect(action.next == Self.time(60))
    }

    @Test("A draining connection completes its requests, refuses new ones and then closes")
    mutating func draining() {
        send("a")
        send("b")
        #expect(machine.drain() == false)
        #expect(machine.send("c", replyCount: 1, deadline: Self.time(5), now: Self.time(0)) == .reject)
        #expect(reply() == "a")
        #expect(reply() == "b, close")
        #expect(machine.isClosed)
        #expect(machine.close().isEmpty)
    }

    @Test("An idle connection closes immediately when it is drained")
    mutating func drainingIdle() {
        #expect(machine.drain() == true)
        #expect(machine.send("a", replyCount: 1, deadline: Self.time(5), now: Self.time(0)) == .reject)
    }

    @Test("Closing returns the requests without replies once, oldest first")
    mutating func closing() {
        send("a")
        send("b", replies: 2)
        send("c")
        _ = reply()
        _ = reply()
        #expect(machine.close() == ["b", "c"])
        #expect(machine.close().isEmpty)
        #expect(reply() == "violation")
    }
}

@Suite("Handshake state machine")
struct HandshakeStateMachineTests {
    private func machine(_ change: (inout RedisConfiguration) -> Void = { _ in }) -> HandshakeStateMachine {
        var configuration = RedisConfiguration()
        change(&configuration)
        return HandshakeStateMachine(configuration)
    }

    private let hello = RESPValue.map([
        RESPPair(key: .simpleString("version"), value: .simpleString("7.0.15")),
        RESPPair(key: .simpleString("proto"), value: .integer(3)),
        RESPPair(key: .simpleString("role"), value: .simpleString("master")),
    ])
    private let unknown = RESPValue.simpleError(RESPError("ERR unknown command 'HELLO', with args"))

    @Test("RESP3 takes one round trip with name and password, and another one for the database")
    func resp3() {
        var machine = self.machine {
            $0.credentials = RedisCredentials(username: "alice", password: "secret")
            $0.clientName = "worker"
            $0.database = 2
        }
        #expect(machine.start() == .send(RedisCommand("HELLO", 3, "AUTH", "alice", "secret", "SETNAME", "worker")))
        #expect(machine.received(hello) == .send(RedisCommand("SELECT", 2)))
        let info = RedisServerInfo(protocolVersion: 3, version: "7.0.15", role: "master")
        #expect(machine.received(.simpleString("OK")) == .done(info))
    }

    @Test("A server without HELLO is initialized step by step in RESP2")
    func fallback() {
        var machine = self.machine {
            $0.credentials = RedisCredentials(password: "secret")
            $0.clientName = "worker"
            $0.database = 2
        }
        _ = machine.start()
        #expect(machine.received(unknown) == .send(RedisCommand("AUTH", "secret")))
        #expect(machine.received(.simpleString("OK")) == .send(RedisCommand("CLIENT", "SETNAME", "worker")))
        #expect(machine.received(.simpleString("OK")) == .send(RedisCommand("SELECT", 2)))
        #expect(machine.received(.simpleString("OK")) == .done(RedisServerInfo(protocolVersion: 2)))
    }

    @Test("A required RESP3 does not fall back to RESP2")
    func resp3Only() {
        var machine = self.machine { $0.protocolVersion = .resp3 }
        _ = machine.start()
        guard case .fail(let failure) = machine.received(unknown) else {
            Issue.record("no failure")
            return
        }
        #expect(failure.error.code == .invalidConfiguration)
    }

    @Test("A required RESP2 does not send HELLO")
    func resp2Only() {
        var machine = self.machine { $0.protocolVersion = .resp2 }
        #expect(machine.start() == .done(RedisServerInfo(protocolVersion: 2)))
    }

    @Test(
        "Handshake errors have the right code",
        arguments: [
            ("NOAUTH HELLO must be called with the client already authenticated", RedisError.Code.authenticationFailed),
            ("WRONGPASS invalid username-password pair or user is disabled.", .authenticationFailed),
            ("NOPERM this user has no permissions to run the 'hello' command", .permissionDenied),
            ("LOADING Redis is loading the dataset in memory", .connectFailed),
            ("ERR max number of clients reached", .connectFailed),
            ("DENIED Redis is running in protected mode", .connectFailed),
        ])
    func failures(reply: String, code: RedisError.Code) {
        var machine = self.machine()
        _ = machine.start()
        guard case .fail(let failure) = machine.received(.simpleError(RESPError(reply))) else {
            Issue.record("no failure")
            return
        }
        #expect(failure.error.code == code)
    }
}
