// SPDX-License-Identifier: Apache-2.0

import ACPClient
import HTTPTypes
import NIOCore
import NIOHTTP1
import Testing

@testable import ACPServer

@Suite("The URL of a server")
struct PublicURLTests {
    @Test(
        "A base URL is normalized",
        arguments: [
            ("http://a.example", "http://a.example"), ("HTTP://A.Example/", "http://a.example"),
            ("https://a.example:443/acp//", "https://a.example/acp"), ("http://a.example:80", "http://a.example"),
            ("http://a.example:443", "http://a.example:443"), ("http://[::1]:8000", "http://[::1]:8000"),
            ("https://a.example/A%20b/c", "https://a.example/A%20b/c"),
        ])
    func spelling(text: String, expected: String) {
        #expect(ServerBase(text)?.description == expected)
    }

    @Test(
        "Invalid base URLs are rejected",
        arguments: [
            "", "a.example", "ftp://a.example", "http://", "http:///x", "http://user:secret@a.example", "http://a b",
            "http://a.example?x=1", "http://a.example/#x", "http://a.example:0", "http://a.example:99999",
            "http://a.example:", "http://a.example/../x", "http://a.example/\"x", "http://a\r\nb", "http://[::1",
            "http://a.example//evil",
        ])
    func noBase(text: String) {
        #expect(ServerBase(text) == nil)
    }

    @Test("A URL below a base has a path, whatever its query; others have none")
    func below() throws {
        let base = try #require(ServerBase("https://a.example/acp"))
        #expect(base.path(of: "https://A.example:443/acp/sessions/s/state?x=1#y") == "/sessions/s/state")
        for other in [
            "http://a.example/acp/x", "https://a.example/acpx", "https://a.example/x", "https://b.example/acp/x",
            "https://a.example:444/acp/x", "https://u@a.example/acp/x", "/acp/x", "https://a.example/acp",
        ] {
            #expect(base.path(of: other) == nil, "\(other)")
        }
    }

    private static func base(_ fields: [(String, String)], believes: Bool = true) throws -> String? {
        var request = HTTPRequest(method: .get, scheme: "http", authority: "inner:8000", path: "/")
        for (name, value) in fields {
            request.headerFields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
        }
        return ServerBase(of: request, isProxyTrusted: believes)?.description
    }

    @Test(
        "The headers of a trusted proxy determine the URL",
        arguments: [
            ([("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.example")], "https://a.example"),
            ([("X-Forwarded-Host", "a.example:8443")], "http://a.example:8443"),
            ([("X-Forwarded-Proto", "https")], "https://inner:8000"),
            (
                [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "a.example"), ("X-Forwarded-Prefix", "/acp/")],
                "https://a.example/acp"
            ),
            ([("Forwarded", "for=192.0.2.1;proto=https;host=\"a.example:8443\"")], "https://a.example:8443"),
            (
                [("Forwarded", "host=evil.example;proto=http, for=\"[::1]\";Host=a.example;Proto=HTTPS")],
                "https://a.example"
            ),
            ([("X-Forwarded-Host", "evil.example, a.example")], "http://a.example"),
            ([("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Host", "a.example")], "http://a.example"),
            ([("X-Forwarded-Host", "a.example"), ("Forwarded", "host=b.example;proto=https")], "https://a.example"),
            ([("X-Forwarded-Host", "a/b?c"), ("X-Forwarded-Proto", "gopher")], "http://inner:8000"),
            ([("X-Forwarded-Prefix", "/a/../b")], "http://inner:8000"),
            ([("X-Forwarded-Prefix", "//evil.example")], "http://inner:8000"),
            ([("X-Forwarded-Prefix", "acp"), ("X-Forwarded-Host", "")], "http://inner:8000"),
            ([("Forwarded", "host=\"unfinished")], "http://inner:8000"),
        ] as [([(String, String)], String)])
    func forwarded(fields: [(String, String)], expected: String) throws {
        #expect(try Self.base(fields) == expected)
        #expect(try Self.base(fields, believes: false) == "http://inner:8000")
    }

    @Test(
        "Proxies are trusted by their address",
        arguments: [
            ("10.1.2.3", true), ("10.255.0.0", true), ("11.0.0.0", false), ("::ffff:10.1.2.3", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false), ("fd00:1::2", true), ("fe80::1", false), ("::1", true), ("127.0.0.1", false),
        ])
    func trusted(address: String, expected: Bool) throws {
        let proxies = try TrustedProxies(["10.0.0.0/8", "192.0.2.7", "fd00::/9", "::1/128"])
        #expect(proxies.includes(try SocketAddress(ipAddress: address, port: 1)) == expected)
        #expect(TrustedProxies.all.includes(try SocketAddress(ipAddress: address, port: 1)))
        #expect(try !TrustedProxies([]).includes(SocketAddress(ipAddress: address, port: 1)))
        #expect(try TrustedProxies(["0.0.0.0/0", "::/0"]).includes(SocketAddress(ipAddress: address, port: 1)))
        #expect(!proxies.includes(nil) && TrustedProxies.all.includes(nil))
    }

    @Test(
        "An invalid address range is an error",
        arguments: ["", "x", "10.0.0.0/33", "10.0/8", "::1/129", "10.0.0.0/-1", "1.2.3.4/"])
    func badRange(text: String) {
        let error = #expect(throws: ServerError.self) { try TrustedProxies(["10.0.0.0/8", text]) }
        #expect(error?.description.contains("\"\(text)\"") == true)
    }

    @Test("A server with an invalid public URL does not start")
    func badPublicURL() async {
        let configuration = ServerConfiguration(publicURL: "agents.example.com")
        let server = ACPServer(storage: MemoryStorage(), configuration: configuration, logger: .silent)
        let error = await #expect(throws: ServerError.self) { try await server.run() }
        #expect(error?.description.contains("\"agents.example.com\" is not a valid public URL") == true)
    }

    @Test("Descriptors use the URL that a trusted proxy reports")
    func descriptorBehindProxy() async throws {
        let headers: HTTPHeaders = [
            "X-Forwarded-Proto": "https", "X-Forwarded-Host": "agents.example.com", "X-Forwarded-Prefix": "/acp",
        ]
        for (proxies, isTrusted) in [
            (TrustedProxies.all, true), (try TrustedProxies(["127.0.0.0/8"]), true),
            (try TrustedProxies(["10.0.0.0/8"]), false), (nil, false),
        ] as [(TrustedProxies?, Bool)] {
            try await withServer(configuration: .quick.with { $0.trustedProxies = proxies }) { serving in
                _ = try await serving.client.run(agent: "echo", input: "x", session: "s")
                let base = isTrusted ? "https://agents.example.com/acp" : serving.url
                let descriptor = try await serving.get("/sessions/s", headers: headers).decode(SessionDescriptor.self)
                #expect(descriptor.plain.history == (0..<2).map { "\(base)/sessions/s/history/\($0)" })
            }
        }
    }

    @Test("A server's own URLs are recognized by the public URL and by that of the request, in any notation")
    func bothBases() async throws {
        let configuration = ServerConfiguration.quick.with { $0.publicURL = "https://agents.example.com/acp" }
        try await withServer(configuration: configuration) { serving in
            _ = try await serving.client.run(agent: "echo", input: "one", session: "s")
            let own = [
                "https://agents.example.com/acp/sessions/s/history/0",
                "HTTPS://Agents.Example.com:443/acp/sessions/s/history/1",
                "\(serving.url)/sessions/s/history/0", "\(serving.url)/sessions/s/history/1?x=y",
            ]
            let request = RunCreateRequest(
                agentName: "echo", input: [Message("two")], session: SessionDescriptor(id: "s", history: own))
            _ = try await serving.client.run(request)
            #expect(try await serving.client.sessionDescriptor("s").history.count == 4)
        }
    }
}
