// SPDX-License-Identifier: Apache-2.0

import Foundation
import HTTPTypes
import Synchronization
import Testing

@testable import ACPServer

@Suite("Named tokens")
struct AccessTokenTests {
    private static let hash = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

    private func request(_ token: String?) -> HTTPRequest {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/")
        request.headerFields[.authorization] = token.map { "Bearer \($0)" }
        return request
    }

    private func principal(_ token: String?, _ authentication: Authentication) async -> Principal? {
        guard case .accepted(let principal) = await authentication.outcome(of: request(token)) else { return nil }
        return principal
    }

    @Test("A table of tokens is read, with roles, hashes, comments and several tokens of a name")
    func table() async throws {
        let text = """
            \u{FEFF}# name       roles            token

            alice        call             token-of-alice
              alice\tread,call   second-token\r
            ops          administer       \(Self.hash)
            # disabled   call             old-token
            """
        let tokens = try Authentication.tokens(text: text, of: "a text")
        #expect(await principal("token-of-alice", tokens) == Principal(id: "alice", roles: [.call]))
        #expect(await principal("second-token", tokens) == Principal(id: "alice", roles: [.read, .call]))
        #expect(await principal("foo", tokens) == Principal(id: "ops", roles: [.administer]), "by its hash")
        for token in [nil, "", "old-token", Self.hash, "token-of-alic", "token-of-alice2", "#"] {
            #expect(await principal(token, tokens) == nil)
        }
        let single = try Authentication.tokens(text: "a read x1 ; b call x2", of: "a variable")
        #expect(await principal("x1", single)?.id == "a")
        #expect(await principal("x2", single)?.id == "b")
    }

    @Test(
        "A table that is not valid is rejected with the line and the reason, and without its secrets",
        arguments: [
            ("", "no token"), ("# nothing\n\n", "no token"), ("alice call", "line 1 of a text has 2 columns"),
            ("s3cret", "line 1 of a text has 1 column"), ("a call s3cret\nb call s3cret s3cret2", "line 2"),
            ("a s3cret call", "roles"), ("a call, s3cret", "roles"), ("a Call s3cret", "roles"),
            ("a call s3cret\n\nb read s3cret", "the same token as line 1"), ("a call sha256:s3cret", "hash"),
            ("a call sha256:\(String(repeating: "g", count: 64))", "hash"), ("a call s3cr\u{e9}t", "ASCII"),
            ("a\u{0} call s3cret", "name"), ("\(String(repeating: "n", count: 256)) call s3cret", "name"),
        ])
    func malformed(text: String, reason: String) throws {
        let error = try #require(throws: ServerError.self) {
            try TokenTable(parsing: text, of: "a text")
        }
        #expect(error.code == .invalidToken)
        #expect(error.message.contains(reason), "\(error.message)")
        #expect(!error.message.contains("s3cr"))
    }

    @Test("Tokens in code are checked, and are not shown")
    func code() throws {
        let faults: [([AccessToken], String)] = [
            ([], "no token"), ([AccessToken("a", token: "s3cret s3cret")], "spaces"),
            ([AccessToken("a", token: "s3cret"), AccessToken("b", token: "s3cret")], "same token"),
            ([AccessToken("a", token: "s3cret", roles: [])], "no role"),
        ]
        for (tokens, reason) in faults {
            let error = try #require(throws: ServerError.self) { try Authentication.tokens(tokens) }
            #expect(error.code == .invalidToken && error.message.contains(reason), "\(error.message)")
            #expect(!error.message.contains("s3cret"))
        }
        var dumped = ""
        dump(AccessToken("a", token: "s3cret"), to: &dumped)
        #expect(!dumped.contains("s3cret") && "\(AccessToken("a", token: "s3cret"))" == "AccessToken(a)")
    }

    @Test("A variable of the environment that is not set is reported")
    func environment() throws {
        let error = try #require(throws: ServerError.self) {
            try Authentication.tokens(environment: "ACP_NO_SUCH_VARIABLE")
        }
        #expect(error.message.contains("ACP_NO_SUCH_VARIABLE is not set"))
    }

    // MARK: - Files

    @Test("A file of tokens is read again when it changes, at most once per interval")
    func reload() throws {
        let log = Log()
        let time = Mutex(ContinuousClock.now)
        try withTemporaryFile("alice call first") { path in
            let file = try TokenFile(path, interval: .seconds(5), logger: log.logger) { time.withLock(\.self) }
            func names() -> [String] { file.table.tokens.map(\.principal.id.rawValue) }
            func pass(_ duration: Duration) { time.withLock { $0 += duration } }
            #expect(names() == ["alice"])
            try write("bob call second\n", to: path)
            #expect(names() == ["alice"], "it is not checked before the interval has passed")
            pass(.seconds(5))
            #expect(names() == ["bob"])
            try write("bob call second\ncarol call s3cret more", to: path)
            pass(.seconds(5))
            #expect(names() == ["bob"], "a file that is not valid changes nothing")
            #expect(log.messages.count { $0.contains("could not be reloaded") } == 1)
            #expect(log.messages.contains { $0.contains("line 2 of \(path) has 4 columns") })
            pass(.seconds(5))
            #expect(names() == ["bob"])
            #expect(log.messages.count { $0.contains("could not be reloaded") } == 1, "it is reported once")
            try FileManager.default.removeItem(atPath: path)
            pass(.seconds(5))
            #expect(names() == ["bob"])
            #expect(log.messages.contains { $0.contains("the file does not exist") })
            try write("", to: path)
            pass(.seconds(5))
            #expect(names() == [], "all tokens can be revoked")
            try write("dan call third", to: path)
            pass(.seconds(5))
            #expect(names() == ["dan"])
            #expect(!log.messages.contains { $0.contains("s3cret") })
        }
    }

    @Test("A server does not start with a file of tokens that cannot be used")
    func unusableFile() throws {
        let missing = try #require(throws: ServerError.self) { try Authentication.tokens(file: "/no/such/file") }
        #expect(missing.code == .invalidToken && missing.message.contains("/no/such/file: the file does not exist"))
        try withTemporaryFile("") { path in
            try Data([0x61, 0xFF, 0x0A]).write(to: URL(fileURLWithPath: path))
            let text = try #require(throws: ServerError.self) { try Authentication.tokens(file: path) }
            #expect(text.message.contains("UTF-8"))
        }
    }

    private func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    private func withTemporaryFile(_ text: String, _ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "/tokens-\(UUID())"
        try write(text, to: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }
}
