// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import NIOSSL
import Testing

@testable import ACPLinks

@Suite("Posting to links", .timeLimit(.minutes(5)))
struct LinkPosterTests {
    /// A poster while the body runs.
    private func posting(
        _ configuration: LinkConfiguration = .development, _ resolver: any HostResolver = SystemResolver(),
        _ body: (LinkPoster) async throws -> Void
    ) async throws {
        let poster = LinkPoster(configuration: configuration, resolver: resolver)
        do {
            try await body(poster)
        } catch {
            await poster.close()
            throw error
        }
        await poster.close()
    }

    private func failure(_ poster: LinkPoster, _ url: String) async -> LinkError? {
        do {
            _ = try await poster.post(to: url, headers: [], body: [1])
            return nil
        } catch let error as LinkError {
            #expect(!error.message.contains("secret"), "\(error)")
            return error
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    @Test("The status and Retry-After are returned, and the request has the given headers")
    func posts() async throws {
        try await ResourceServer.serving {
            try await $0.answer("x", status: "503 Service Unavailable", headers: ["Retry-After: 7"])
        } _: { server async throws in
            try await posting { poster async throws in
                let response = try await poster.post(
                    to: server.url("/a?b=c"), headers: [("Content-Type", "text/plain"), ("X-Token", "t")], body: [1, 2])
                #expect(response == .init(status: 503, retryAfter: "7"))
            }
            let head = server.heads[0].lowercased().split(separator: "\r\n")
            #expect(head[0] == "post /a?b=c http/1.1")
            #expect(
                head.dropFirst().map { $0.prefix { $0 != ":" } }.sorted() == [
                    "content-length", "content-type", "host", "user-agent", "x-token",
                ])
        }
    }

    @Test("Redirects are not followed")
    func redirects() async throws {
        try await ResourceServer.serving {
            try await $0.redirect(to: "/elsewhere")
        } _: { server async throws in
            try await posting { poster async throws in
                #expect(try await poster.post(to: server.url("/"), headers: [], body: []).status == 302)
            }
            #expect(server.targets == ["/"])
        }
    }

    @Test("A body that is endless, slow or large does not delay the result", arguments: [0, 100, 1_000_000])
    func bodies(count: Int) async throws {
        try await ResourceServer.serving { exchange in
            try await exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            if count > 0 {
                let chunk = String(repeating: "x", count: count)
                try await exchange.send("\(String(count, radix: 16))\r\n\(chunk)\r\n")
            }
            try await exchange.hang()
        } _: { server async throws in
            try await posting { poster async throws in
                #expect(try await poster.post(to: server.url("/"), headers: [], body: []).status == 200)
            }
        }
    }

    @Test("A name of this machine is refused, and no connection is made", arguments: ["127.0.0.1", "::1", "10.0.0.1"])
    func privateName(address: String) async throws {
        try await ResourceServer.serving {
            try await $0.answer("")
        } _: { server async throws in
            for addresses in [[address], ["8.8.8.8", address]] {
                try await posting(LinkConfiguration(), ScriptedResolver([addresses])) { poster async throws in
                    let error = await failure(poster, "http://innocent.example:\(server.port)/secret?secret")
                    #expect(error?.code == .refused)
                    #expect(error?.message.contains(address) == false)
                }
            }
            #expect(server.connections == 0)
        }
    }

    @Test("The connection is made to the address that was checked, and an allowed host needs no public one")
    func allowed() async throws {
        try await ResourceServer.serving {
            try await $0.answer("")
        } _: { server async throws in
            let configuration = LinkConfiguration(
                allowedHosts: [try AllowedHost("hooks.example:\(server.port)")], timeout: .seconds(60))
            let resolver = ScriptedResolver([["127.0.0.1"]])
            try await posting(configuration, resolver) { poster async throws in
                let url = "http://hooks.example:\(server.port)/"
                #expect(try await poster.post(to: url, headers: [], body: []).status == 200)
                #expect(await failure(poster, "http://other.example:\(server.port)/")?.code == .refused)
            }
            #expect(server.heads[0].lowercased().contains("host: hooks.example:\(server.port)"))
        }
    }

    @Test("Failures have a code, and show the host only")
    func failures() async throws {
        let port = try FreePort.find()
        try await posting { poster async throws in
            #expect(await failure(poster, "http://127.0.0.1:\(port)/secret")?.code == .cannotConnect)
            #expect(await failure(poster, "http://user:secret@127.0.0.1/")?.code == .invalidURL)
            #expect(await failure(poster, "http://no-such-host.invalid/secret")?.code == .cannotConnect)
        }
        try await ResourceServer.serving { _ in
            throw CancellationError()
        } _: { server async throws in
            try await posting { poster async throws in
                #expect(await failure(poster, server.url("/secret"))?.code == .badResponse)
            }
        }
        try await ResourceServer.serving {
            try await $0.hang()
        } _: { server async throws in
            try await posting(.development.with { $0.timeout = .milliseconds(50) }) { poster async throws in
                #expect(await failure(poster, server.url("/secret"))?.code == .timedOut)
            }
        }
    }

    @Test("A cancelled call ends at once")
    func cancellation() async throws {
        try await ResourceServer.serving {
            try await $0.hang()
        } _: { server async throws in
            try await posting { poster async throws in
                let call = Task { try await poster.post(to: server.url("/"), headers: [], body: []) }
                try await eventually("it is sent") { !server.targets.isEmpty }
                call.cancel()
                await #expect(throws: CancellationError.self) { try await call.value }
            }
        }
    }

    @Test("URLs are checked without a lookup")
    func checks() async throws {
        try await posting(LinkConfiguration(), ScriptedResolver([])) { poster async throws in
            #expect(throws: Never.self) { try poster.check("https://hooks.example/a?b") }
            #expect(throws: Never.self) { try poster.check("http://8.8.8.8/") }
            for url in [
                "", "x", "ftp://hooks.example/", "http://a:b@hooks.example/", "http://127.0.0.1/", "http://[fe80::1]/",
            ] {
                #expect(throws: LinkError.self) { try poster.check(url) }
            }
        }
    }
}
