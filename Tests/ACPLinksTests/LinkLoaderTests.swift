// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import NIOCore
import Testing

@testable import ACPLinks

@Suite("Loading links", .timeLimit(.minutes(5)))
struct LinkLoaderTests {
    // MARK: Where to

    @Test("The resource that the server sent is loaded, with a request of only the required headers")
    func loaded() async throws {
        try await ResourceServer.serving {
            try await $0.answer("hello", headers: ["Content-Type: text/x-thing"])
        } _: { server async throws in
            try await loading { loader async throws in
                let resource = try await loader.load(server.request("/a?b=c#d"))
                #expect(resource == LoadedResource(bytes: Array("hello".utf8), contentType: "text/x-thing"))
            }
            #expect(server.targets == ["/a?b=c"])
            let names = server.heads[0].split(separator: "\r\n").dropFirst().map {
                $0.prefix { $0 != ":" }.lowercased()
            }
            #expect(names.sorted() == ["accept", "host", "user-agent"])
        }
    }

    @Test("A name of this machine is rejected, and no connection is made", arguments: ["127.0.0.1", "::1"])
    func nameOfLoopback(address: String) async throws {
        try await ResourceServer.serving {
            try await $0.answer("secret")
        } _: { server async throws in
            for addresses in [[address], ["8.8.8.8", address]] {
                let resolver = ScriptedResolver([addresses])
                try await loading(LinkConfiguration(), resolver) { loader async throws in
                    await #expect(loads("http://innocent.example:\(server.port)/", loader) == .refused)
                }
            }
            #expect(server.connections == 0)
        }
    }

    @Test("Every notation of an address of this machine is rejected, and no connection is made")
    func spellings() async throws {
        try await ResourceServer.serving {
            try await $0.answer("secret")
        } _: { server async throws in
            try await loading(LinkConfiguration(), SystemResolver()) { loader async throws in
                for host in [
                    "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.1", "2130706433", "0177.0.0.1", "0x7f.1",
                    "0", "0.0.0.0",
                    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "127.0.0.1.",
                    "user:pw@127.0.0.1",
                    "%31%32%37.0.0.1", "１２７.0.0.1", "[::1%25lo]", "169.254.169.254",
                ] {
                    let code = await loads("http://\(host):\(server.port)/", loader)
                    #expect(code == .refused || code == .invalidURL, "\(host)")
                }
            }
            #expect(server.connections == 0)
        }
    }

    @Test("The connection is made to the checked address, whatever a later lookup returns")
    func rebinding() async throws {
        try await ResourceServer.serving {
            try await $0.answer("hello")
        } _: { server async throws in
            // No other resolver than this one knows the name.
            let resolver = ScriptedResolver([["127.0.0.1"], ["169.254.169.254"]])
            let url = "http://rebind.invalid:\(server.port)/"
            for expected in [nil, LinkError.Code.refused] {
                try await loading(resolver: resolver) { loader async throws in
                    await #expect(loads(url + "1", loader) == expected)
                    await #expect(loads(url + "2", loader) == expected)
                }
            }
            #expect(resolver.asked == ["rebind.invalid", "rebind.invalid"], "one answer counts for a while")
            #expect(server.targets == ["/1", "/2"])
            #expect(server.heads.allSatisfy { $0.contains("ost: rebind.invalid:\(server.port)") })
        }
    }

    @Test("Nothing is sent on a connection to another address than the checked one")
    func peer() async throws {
        try await ResourceServer.serving {
            try await $0.answer("secret")
        } _: { server in
            let connections = LinkConnections(configuration: .development)
            let checked = try #require(IPAddress("192.0.2.1"))
            let error = await #expect(throws: LinkError.self) {
                try await connections.withClient(for: .name("files.invalid"), at: checked) { client in
                    _ = try await client.execute(HTTPClientRequest(url: server.url("/")), timeout: .seconds(60))
                }
            }
            #expect(error?.code == .refused)
            #expect(server.targets.isEmpty)
            await connections.close()
        }
    }

    @Test("If one address of a host does not respond, the next one is tried")
    func nextAddress() async throws {
        try await ResourceServer.serving {
            try await $0.answer("hello")
        } _: { server async throws in
            try await loading(resolver: ScriptedResolver([["127.0.0.2", "127.0.0.1"]])) { loader async throws in
                await #expect(loads("http://two.invalid:\(server.port)/", loader) == nil)
            }
        }
    }

    @Test("A redirect on the same host is followed")
    func redirect() async throws {
        try await ResourceServer.serving { answering in
            guard let step = Int(answering.target.dropFirst()), step < 3 else {
                return try await answering.answer("there")
            }
            try await answering.redirect(to: "/\(step + 1)")
        } _: { server async throws in
            try await loading { loader async throws in
                #expect(try await loader.load(server.request("/0")).bytes == Array("there".utf8))
                #expect(server.targets == ["/0", "/1", "/2", "/3"])
            }
        }
    }

    @Test("A redirect to another host, in a loop, or without a target is an error")
    func badRedirects() async throws {
        try await ResourceServer.serving { answering in
            switch answering.target {
            case "/metadata": try await answering.redirect(to: "http://169.254.169.254/latest/meta-data/")
            case "/other": try await answering.redirect(to: "http://localhost:1/")
            case "/circle": try await answering.redirect(to: "/circle")
            default: try await answering.answer("", status: "302 Found", headers: [])
            }
        } _: { server async throws in
            try await loading { loader async throws in
                for path in ["/metadata", "/other", "/circle"] {
                    await #expect(loads(server.url(path), loader) == .redirected, "\(path)")
                }
                await #expect(loads(server.url("/nowhere"), loader) == .badResponse)
            }
            #expect(server.targets == ["/metadata", "/other"] + Array(repeating: "/circle", count: 4) + ["/nowhere"])
        }
    }

    @Test("Many loads use one connection and one lookup, and cached resources are not requested again")
    func row() async throws {
        try await ResourceServer.serving {
            try await $0.answer("hello")
        } _: { server in
            let resolver = ScriptedResolver([["127.0.0.1"]])
            try await loading(resolver: resolver) { loader async throws in
                for number in 0..<600 {
                    _ = try await loader.load(server.request("/\(number % 300)", .message, host: "row.invalid"))
                }
                #expect(resolver.asked.count == 1)
                #expect(server.connections == 1)
                #expect(server.targets.count == 300)
            }
        }
    }

    // MARK: Servers that misbehave

    @Test(
        "A server that does not respond, or only slowly, is limited by the timeout",
        arguments: ["/never", "/drips"])
    func slow(path: String) async throws {
        try await ResourceServer.serving { answering in
            switch answering.target {
            case "/never": try await answering.hang()
            case "/drips":
                try await answering.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while true {
                    try await answering.send("x")
                    try await Task.sleep(for: .milliseconds(5))
                }
            default: try await answering.answer("quick")
            }
        } _: { server async throws in
            try await loading(.development.with { $0.timeout = .milliseconds(300) }) { loader async throws in
                await #expect(loads(server.url(path), loader) == .timedOut)
            }
            try await loading { loader async throws in await #expect(loads(server.url("/quick"), loader) == nil) }
        }
    }

    @Test("Loading an endless body ends at the limit, and closes the connection")
    func endless() async throws {
        let closed = Signal<Void>()
        try await ResourceServer.serving { answering in
            defer { closed.send() }
            try await answering.send("HTTP/1.1 200 OK\r\n\r\n")
            while true { try await answering.send(String(repeating: "x", count: 1_000)) }
        } _: { server async throws in
            try await loading(.development.with { $0.maximumBytes = 100_000 }) { loader async throws in
                await #expect(loads(server.url("/"), loader) == .tooLarge)
                try await closed.wait()
            }
        }
    }

    @Test("A resource of exactly the limit is loaded, also in chunks, and a longer announced one is rejected")
    func limit() async throws {
        let body = String(repeating: "x", count: 1_000)
        try await ResourceServer.serving { answering in
            switch answering.target {
            case "/just": try await answering.answer(body)
            case "/pieces":
                try await answering.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in 0..<2 { try await answering.send("1f4\r\n\(body.prefix(500))\r\n") }
                try await answering.send("0\r\n\r\n")
            default:
                try await answering.send("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n")
                try await answering.hang()
            }
        } _: { server async throws in
            try await loading(.development.with { $0.maximumBytes = 1_000 }) { loader async throws in
                for path in ["/just", "/pieces"] {
                    #expect(try await loader.load(server.request(path)).bytes.count == 1_000)
                }
                await #expect(loads(server.url("/announced"), loader) == .tooLarge)
            }
        }
    }

    @Test(
        "Invalid responses are detected, and the next load uses another connection",
        arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", LinkError.Code.badResponse),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho", .badResponse),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nshort", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nshort", .badResponse),
            ("SSH-2.0-OpenSSH_9.2\r\n", .badResponse),
            ("", .badResponse),
            ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 200_000))\r\n\r\n", .badResponse),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlonger than that", nil),
            ("HTTP/1.1 200 OK\r\n\r\nwithout a length", nil),
        ] as [(String, LinkError.Code?)])
    func lying(answer: String, code: LinkError.Code?) async throws {
        struct Close: Error {}
        try await ResourceServer.serving { answering in
            if answering.target == "/honest" { return try await answering.answer("hello") }
            if !answer.isEmpty { try await answering.send(answer) }
            throw Close()
        } _: { server async throws in
            try await loading { loader async throws in
                await #expect(loads(server.url("/lying"), loader) == code)
                #expect(try await loader.load(server.request("/honest")).bytes == Array("hello".utf8))
            }
        }
    }

    @Test(
        "The status of a response determines the error",
        arguments: [
            (404, .notFound), (410, .notFound), (401, .denied), (403, .denied), (500, .badResponse),
            (503, .badResponse),
            (429, .badResponse), (400, .badResponse), (204, .badResponse), (206, .badResponse), (304, .badResponse),
        ] as [(Int, LinkError.Code)])
    func statuses(status: Int, code: LinkError.Code) async throws {
        try await ResourceServer.serving {
            try await $0.send(
                "HTTP/1.1 \(status) X\r\n\(status == 204 || status == 304 ? "" : "Content-Length: 0\r\n")\r\n")
        } _: { server async throws in
            try await loading { loader async throws in await #expect(loads(server.url("/"), loader) == code) }
        }
    }

    @Test("An unreachable server is an error")
    func missing() async throws {
        let port = try await ResourceServer.serving { _ in
        } _: { server in
            server.port
        }
        try await loading { loader async throws in
            await #expect(loads("http://127.0.0.1:\(port)/", loader) == .cannotConnect)
        }
    }

    // MARK: Readers

    @Test("Readers of one URL share one load")
    func shared() async throws {
        try await ResourceServer.serving { answering in
            try await answering.hang()
            try await answering.answer("hello")
        } _: { server async throws in
            try await loading(.development.with { $0.cacheBytes = 0 }) { loader async throws in
                try await withThrowingTaskGroup(of: LoadedResource.self) { group in
                    for _ in 0..<20 { group.addTask { try await loader.load(server.request("/")) } }
                    try await eventually("all wait") { loader.readers == 20 }
                    server.release.send()
                    for try await resource in group { #expect(resource.bytes == Array("hello".utf8)) }
                }
                #expect(server.targets == ["/"])
            }
        }
    }

    @Test("A cancelled reader does not affect others, and the last one cancels the load")
    func cancelled() async throws {
        try await ResourceServer.serving { answering in
            try await answering.hang()
            try await answering.answer("hello")
        } _: { server async throws in
            try await loading { loader async throws in
                let readers = (0..<3).map { _ in Task { try await loader.load(server.request("/")) } }
                try await eventually("all wait") { loader.readers == 3 && server.targets.count == 1 }
                readers[0].cancel()
                await #expect(throws: CancellationError.self) { try await readers[0].value }
                #expect(loader.readers == 2 && loader.running == 1)
                for reader in readers { reader.cancel() }
                for reader in readers { await #expect(throws: CancellationError.self) { try await reader.value } }
                try await eventually("the load has ended") { loader.running == 0 }
            }
        }
    }

    @Test("A slow host does not delay loads from others, and excess loads are rejected")
    func crowd() async throws {
        try await ResourceServer.serving { answering in
            if answering.target == "/slow" { try await answering.hang() }
            try await answering.answer("hello")
        } _: { server async throws in
            let configuration = LinkConfiguration.development.with {
                $0.maximumLoads = 2
                $0.maximumLoadsPerHost = 1
                $0.maximumWaitingLoads = 1
            }
            try await loading(configuration, ScriptedResolver([["127.0.0.1"]])) { loader async throws in
                let slow = Task { try await loader.load(server.request("/slow", host: "slow.invalid")) }
                try await eventually("it waits") { server.targets == ["/slow"] }
                await #expect(loads(server.url("/", host: "quick.invalid"), loader) == nil)
                let waiting = Task { try await loader.load(server.request("/next", host: "slow.invalid")) }
                try await eventually("it waits") { loader.readers == 2 }
                await #expect(loads(server.url("/more", host: "slow.invalid"), loader) == .overloaded)
                server.release.send()
                _ = try await slow.value
                _ = try await waiting.value
                #expect(server.targets == ["/slow", "/", "/next"])
            }
        }
    }

    @Test(
        "Messages are cached, other resources only if their response allows it",
        arguments: [
            (.message, [], 1), (.content, [], 2), (.state, [], 2),
            (.content, ["Cache-Control: public, max-age=60"], 1),
            (.message, ["Cache-Control: max-age=60, No-Store"], 2),
            (.message, ["Cache-Control: no-cache"], 2), (.message, ["Cache-Control: max-age=0"], 2),
            (.message, ["Vary: *"], 2), (.content, ["Cache-Control: max-age=99999999999999999999"], 2),
        ] as [(ResourceRequest.Purpose, [String], Int)])
    func kept(purpose: ResourceRequest.Purpose, headers: [String], requests: Int) async throws {
        try await ResourceServer.serving {
            try await $0.answer("hello", headers: headers)
        } _: { server async throws in
            try await loading { loader async throws in
                for _ in 0..<2 { _ = try await loader.load(server.request("/", purpose)) }
                #expect(server.targets.count == requests)
                #expect(server.connections == 1)
            }
        }
    }

    @Test("A cached message is not used for a state or a content")
    func keptApart() async throws {
        try await ResourceServer.serving {
            try await $0.answer("hello")
        } _: { server in
            try await loading { loader async throws in
                for purpose in [.message, .state, .message, .content] as [ResourceRequest.Purpose] {
                    _ = try await loader.load(server.request("/", purpose))
                }
                #expect(server.targets.count == 3)
            }
        }
    }

    @Test("Closing cancels running loads, and nothing can be loaded afterwards")
    func closed() async throws {
        try await ResourceServer.serving {
            try await $0.hang()
        } _: { server async throws in
            try await loading { loader async throws in
                let reader = Task { try await loader.load(server.request("/")) }
                try await eventually("it is under way") { server.targets == ["/"] }
                await loader.close()
                let error = await #expect(throws: LinkError.self) { try await reader.value }
                #expect(error?.code == .unavailable)
                await #expect(loads(server.url("/"), loader) == .unavailable)
            }
        }
    }
}
