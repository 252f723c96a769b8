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

    @Test("replies belong to requests in the order of sending")
    mutating func order() {
        send("a")
        send("b", replies: 3)
        send("c")
        #expect([reply(), reply(), reply(), reply(), reply()] == ["a", "b…", "b…", "b", "c"])
        #expect(machine.outstanding == 0)
    }

    @Test("a reply that nobody asked for is a violation")
    mutating func surplus() {
        #expect(reply() == "violation")
        send("a")
        #expect(reply() == "a")
        #expect(reply() == "violation")
    }

    @Test("Fault 7, replies off by one: a request that timed out keeps its place")
    mutating func expiryKeepsOrder() {
        send("a", deadline: 1)
        send("b", deadline: 9)
        let action = machine.checkDeadlines(now: Self.time(1))
        #expect(action.expired == ["a"])
        #expect(!action.closes)
        #expect(action.next == Self.time(5))
        #expect(reply() == "a")
        #expect(reply() == "b")
    }

    @Test("a request is reported as expired once")
    mutating func expiredOnce() {
        send("a", deadline: 1)
        #expect(machine.checkDeadlines(now: Self.time(2)).expired == ["a"])
        #expect(machine.checkDeadlines(now: Self.time(3)).expired.isEmpty)
    }

    @Test("Fault 3, half-open: silence for the whole limit after a deadline closes the connection")
    mutating func silenceCloses() {
        send("a", deadline: 5)
        let action = machine.checkDeadlines(now: Self.time(5))
        #expect(action.expired == ["a"])
        #expect(action.closes)
    }

    @Test("a peer that still sends is slow, not dead")
    mutating func slowIsNotDead() {
        send("a", deadline: 5)
        machine.readBytes(now: Self.time(4))
        let action = machine.checkDeadlines(now: Self.time(5))
        #expect(action.expired == ["a"])
        #expect(!action.closes)
        #expect(action.next == Self.time(9))
        #expect(machine.checkDeadlines(now: Self.time(9)).closes)
    }

    @Test("a request with a longer limit than the silence limit is waited for")
    mutating func longCommands() {
        send("slow", deadline: 60)
        let action = machine.checkDeadlines(now: Self.time(30))
        #expect(action.expired.isEmpty)
        #expect(!action.closes)
        #expect(action.next == Self.time(60))
    }

    @Test("draining lets what is under way finish, takes nothing new, and closes then")
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

    @Test("an idle connection closes at once when it is drained")
    mutating func drainingIdle() {
        #expect(machine.drain() == true)
        #expect(machine.send("a", replyCount: 1, deadline: Self.time(5), now: Self.time(0)) == .reject)
    }

    @Test("closing returns what is not answered, oldest first, once")
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

    @Test("RESP3 takes one round trip with name and password, and one for the database")
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

    @Test("a server without HELLO is greeted in RESP2, step by step")
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

    @Test("RESP3 that is insisted on does not fall back")
    func resp3Only() {
        var machine = self.machine { $0.protocolVersion = .resp3 }
        _ = machine.start()
        guard case .fail(let failure) = machine.received(unknown) else {
            Issue.record("no failure")
            return
        }
        #expect(failure.error.code == .invalidConfiguration)
    }

    @Test("RESP2 that is insisted on never says HELLO")
    func resp2Only() {
        var machine = self.machine { $0.protocolVersion = .resp2 }
        #expect(machine.start() == .done(RedisServerInfo(protocolVersion: 2)))
    }

    @Test(
        "errors say what kind they are",
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
