// SPDX-License-Identifier: Apache-2.0

import ACPClient
import Foundation
import Synchronization
import Testing

@testable import ACPServer

@Suite("Sessions that move between servers")
struct MovingTests {
    /// Servers on one machine that load from each other.
    private static func configuration(_ signing: URLSigning? = nil) -> ServerConfiguration {
        .quick.with {
            $0.links = LinkConfiguration(allowsPrivateAddresses: true)
            $0.authentication = .bearer("the-token")
            $0.urlSigning = signing
        }
    }

    @Sendable private static func agents(_ server: ACPServer) throws {
        try server.addAgent("recall") { context in
            let said = try await context.session.history().map(\.text)
            return "\(said.joined(separator: "|")) (\(said.count))"
        }
        try server.addAgent("counter") { context in
            let count = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            return "\(count)"
        }
    }

    /// Runs `recall`, and checks that it has read all previous messages.
    private static func recall(_ text: String, in session: ClientSession, after said: inout [String]) async throws {
        let run = try await session.run(agent: "recall", input: text)
        #expect(run.status == .completed, "\(run.error?.message ?? "")")
        #expect(run.text == "\(said.joined(separator: "|")) (\(said.count))")
        said += [text, run.text]
    }

    @Test("The history is complete and in order on every server, with signed URLs", .timeLimit(.minutes(5)))
    func movesAndComesBack() async throws {
        let signing = try URLSigning(keys: ["a key that nobody guesses"])
        try await withServer(configuration: Self.configuration(signing), token: "the-token", agents: Self.agents) {
            one in
            let configuration = Self.configuration(signing)
            try await withServer(configuration: configuration, token: "the-token", agents: Self.agents) { other in
                var said: [String] = []
                let session = one.client.session()
                for (text, client) in [("a", one), ("b", one), ("c", other), ("d", one), ("e", other), ("f", other)] {
                    try await session.move(to: client.client)
                    try await Self.recall(text, in: session, after: &said)
                }
                #expect(try await session.messages().map(\.text) == said)
                var streamed: [String] = []
                for try await message in session.messageStream() { streamed.append(message.text) }
                #expect(streamed == said)
                let counted = one.client.session()
                #expect(try await counted.run(agent: "counter", input: "x").text == "1")
                try await counted.move(to: other.client)
                #expect(try await counted.run(agent: "counter", input: "x").text == "2")
            }
        }
    }

    @Test("A session whose URLs expire renews them, and its agents can continue to read", .timeLimit(.minutes(5)))
    func renewsSignatures() async throws {
        // Behind the client's clock by a minute: what lasts 80 seconds here is about to expire for the client.
        let time = Mutex(Date() - 60)
        let signing = try URLSigning(keys: ["a key that nobody guesses"], lifetime: .seconds(80)) {
            time.withLock { $0 }
        }
        try await withServer(configuration: Self.configuration(signing), token: "the-token", agents: Self.agents) {
            one in
            let configuration = Self.configuration(try URLSigning(keys: ["another key that nobody guesses"]))
            try await withServer(configuration: configuration, token: "the-token", agents: Self.agents) { other in
                var said: [String] = []
                let session = one.client.session()
                try await Self.recall("a", in: session, after: &said)
                try await session.move(to: other.client)
                try await Self.recall("b", in: session, after: &said)
                time.withLock { $0 += 100 }
                try await Self.recall("c", in: session, after: &said)
                let id = try #require(session.id)
                #expect(try await other.client.history(of: id).total == 6, "nothing is kept twice")
                // Much later the descriptor still contains URLs that can be read.
                time.withLock { $0 += 10_000 }
                let descriptor = try #require(try await session.descriptor())
                #expect(try await one.client.messages(of: descriptor).map(\.text) == said)
            }
        }
    }

    @Test("A content URL of the server itself must be signed if URLs are")
    func ownContent() async throws {
        let signing = try URLSigning(keys: ["a key that nobody guesses"])
        let configuration = Self.configuration(signing).with { $0.publicURL = "https://agents.example.com" }
        try await withServer(
            configuration: configuration, token: "the-token",
            agents: { server in
                try Self.agents(server)
                try server.addAgent("fetch") { context in
                    let part = try #require(context.input.first?.parts.first)
                    return String(decoding: try await part.data(in: context), as: UTF8.self)
                }
            }
        ) { serving in
            _ = try await serving.client.run(agent: "counter", input: "x", session: "s")
            let signed = try #require(try await serving.client.sessionDescriptor("s").state)
            #expect(signed.hasPrefix("https://agents.example.com/sessions/s/state?"))
            for (url, isAnswered) in [(signed, true), (String(signed.prefix { $0 != "?" }), false)] {
                let part = MessagePart(contentType: "application/json", contentURL: url)
                let run = try await serving.client.run(agent: "fetch", input: part)
                #expect(run.status == (isAnswered ? .completed : .failed))
                #expect(isAnswered ? run.text == "1" : run.error?.message.contains("not signed") == true)
            }
        }
    }
}
