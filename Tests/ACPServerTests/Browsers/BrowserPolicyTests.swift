// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Testing

@testable import ACPServer

@Suite("Decisions about requests of browsers")
struct BrowserPolicyTests {
    private static let configuration = ServerConfiguration(
        publicURL: "https://agents.example.com/acp",
        browsers: BrowserConfiguration(
            allowedOrigins: ["https://app.example.com", "HTTP://Localhost:5173/", "chrome-extension://abcdef"]))

    private static func request(
        _ method: HTTPRequest.Method, host: String? = "127.0.0.1:8000", path: String = "/runs",
        _ fields: HTTPFields = [:]
    ) -> HTTPRequest {
        HTTPRequest(method: method, scheme: "http", authority: host, path: path, headerFields: fields)
    }

    private static func decide(
        _ configuration: ServerConfiguration, _ request: HTTPRequest, isProxyTrusted: Bool = false
    ) -> Result<BrowserPolicy.Sender, BrowserPolicy.Refusal> {
        do throws(BrowserPolicy.Refusal) {
            let policy = BrowserPolicy(configuration, listeningOn: configuration.host)
            return .success(try policy.check(request, isProxyTrusted: isProxyTrusted))
        } catch {
            return .failure(error)
        }
    }

    @Test(
        "Senders are told apart by their origin; only the pages of other origins may change nothing",
        arguments: [
            (nil, .other), ("https://app.example.com", .listedPage), ("http://localhost:5173", .listedPage),
            ("chrome-extension://abcdef", .listedPage), ("chrome-extension://other", .foreignPage),
            ("http://app.example.com", .foreignPage), ("https://app.example.com:8443", .foreignPage),
            ("https://app.example.com.evil.example", .foreignPage), ("https://evil.example", .foreignPage),
            ("null", .foreignPage), ("", .foreignPage), ("*", .foreignPage), ("file://", .foreignPage),
            ("http://localhost:3000", .foreignPage), ("http://127.0.0.1:8001", .foreignPage),
            ("https://app.example.com, https://evil.example", .foreignPage),
            ("https://agents.example.com", .ownPage), ("http://127.0.0.1:8000", .ownPage),
            ("https://127.0.0.1:8000", .ownPage),
        ] as [(String?, BrowserPolicy.Sender)])
    func senders(origin: String?, expected: BrowserPolicy.Sender) {
        var fields: HTTPFields = [.contentType: "application/json", .contentLength: "2"]
        fields[.origin] = origin
        for method in [HTTPRequest.Method.get, .head, .options] {
            #expect(Self.decide(Self.configuration, Self.request(method, fields)) == .success(expected), "\(method)")
        }
        for method in [HTTPRequest.Method.post, .put, .patch, .delete, .init("SUBSCRIBE")!] {
            let decision = Self.decide(Self.configuration, Self.request(method, fields))
            #expect(
                decision == (expected == .foreignPage ? .failure(.foreignOrigin) : .success(expected)), "\(method)")
        }
    }

    @Test("A page is the server's own by the host that a trusted proxy reports, or if the browser says so")
    func ownPages() {
        let json: HTTPFields = [.contentType: "application/json", .origin: "https://public.example"]
        var forwarded = json
        forwarded[HTTPField.Name("X-Forwarded-Host")!] = "public.example"
        var fetched = json
        fetched[.secFetchSite] = "same-origin"
        var crossSite = json
        crossSite[.secFetchSite] = "cross-site"
        let quick = ServerConfiguration()
        #expect(Self.decide(quick, Self.request(.post, forwarded)) == .failure(.foreignOrigin))
        #expect(Self.decide(quick, Self.request(.post, forwarded), isProxyTrusted: true) == .success(.ownPage))
        #expect(Self.decide(quick, Self.request(.post, fetched)) == .success(.ownPage))
        #expect(Self.decide(quick, Self.request(.post, crossSite)) == .failure(.foreignOrigin))
    }

    @Test(
        "Pages must send JSON as JSON; other clients may omit the type",
        arguments: [
            (nil, false), ("text/plain", false), ("text/plain;charset=UTF-8", false), ("application/json", true),
            ("Application/JSON; charset=utf-8", true), ("application/a2a+json", true),
            ("application/x-www-form-urlencoded", false), ("multipart/form-data; boundary=x", false), ("", false),
            ("text/plain; application/json", false), ("application/jsonp", false), ("text/x+json", false),
        ] as [(String?, Bool)])
    func contentTypes(type: String?, isJSON: Bool) {
        for origin in ["https://app.example.com", "http://127.0.0.1:8000", nil] {
            for length in [[.contentLength: "5"], [.transferEncoding: "chunked"]] as [HTTPFields] {
                var fields = length
                fields[.contentType] = type
                fields[.origin] = origin
                let decision = Self.decide(Self.configuration, Self.request(.post, fields))
                if isJSON || origin == nil {
                    #expect(throws: Never.self) { try decision.get() }
                } else {
                    #expect(decision == .failure(.notJSON))
                }
            }
            var empty: HTTPFields = [.contentLength: "0"]
            empty[.contentType] = type
            empty[.origin] = origin
            #expect(throws: Never.self) { try Self.decide(Self.configuration, Self.request(.post, empty)).get() }
        }
    }

    @Test(
        "On a loopback address, only loopback names, listed ones and the public one are accepted",
        arguments: [
            ("127.0.0.1", true), ("127.0.0.1:8000", true), ("127.1.2.3:1", true), ("localhost", true),
            ("LocalHost:8000", true), ("localhost.", true), ("app.localhost:8000", true), ("[::1]", true),
            ("[::1]:8000", true), ("dev.example:8000", true), ("DEV.example", true), ("[fd00::1]:8000", true),
            ("agents.example.com", true), ("agents.example.com:443", true),
            ("evil.example", false), ("evil.example:8000", false), ("localhost.evil.example", false),
            ("evillocalhost", false), ("127.0.0.1.evil.example", false), ("127.evil", false), ("[::2]", false),
            ("128.0.0.1", false), ("192.168.1.7:8000", false), ("0.0.0.0", false), ("", false), (":8000", false),
            ("[", false), ("[::1", false), ("dev.example.evil", false), (".", false),
        ])
    func loopbackHosts(host: String, isAccepted: Bool) {
        for address in ["127.0.0.1", "localhost", "::1", "127.0.0.2"] {
            let configuration = ServerConfiguration(
                host: address, publicURL: "https://agents.example.com:443/acp",
                browsers: BrowserConfiguration(allowedHosts: ["dev.example", "fd00::1"]))
            for method in [HTTPRequest.Method.get, .post, .options] {
                let decision = Self.decide(configuration, Self.request(method, host: host))
                #expect(decision == (isAccepted ? .success(.other) : .failure(.unknownHost)), "\(address)")
            }
        }
    }

    @Test("Health checks, requests of trusted proxies, and requests without a Host are accepted under any name")
    func exceptions() {
        let configuration = ServerConfiguration()
        for path in ["/ping", "/healthz", "/readyz"] {
            #expect(Self.decide(configuration, Self.request(.get, host: "x", path: path)) == .success(.other))
        }
        for path in ["/", "/agents", "/pingx", "/ping/", "/runs?/ping"] {
            #expect(Self.decide(configuration, Self.request(.get, host: "x", path: path)) == .failure(.unknownHost))
        }
        #expect(Self.decide(configuration, Self.request(.get, host: "x"), isProxyTrusted: true) == .success(.other))
        #expect(Self.decide(configuration, Self.request(.get, host: nil)) == .success(.other))
    }

    @Test("On other addresses, all names are accepted unless one is listed")
    func otherAddresses() {
        for address in ["0.0.0.0", "::", "192.168.1.7", "agents.internal"] {
            let open = ServerConfiguration(host: address, publicURL: "https://agents.example.com")
            #expect(Self.decide(open, Self.request(.get, host: "anything")) == .success(.other))
            var listed = open
            listed.browsers.allowedHosts = ["inner.example"]
            for (host, isAccepted) in [
                ("inner.example:8000", true), ("agents.example.com", true), ("anything", false), ("127.0.0.1", false),
            ] {
                let decision = Self.decide(listed, Self.request(.get, host: host))
                #expect(decision == (isAccepted ? .success(.other) : .failure(.unknownHost)), "\(address) \(host)")
            }
        }
    }

    @Test(
        "Invalid origins and hosts prevent the server from starting, and are named",
        arguments: [
            "*", "", "null", "app.example.com", "https://app.example.com/path", "https://", "https://a b", "://x",
            "https://u@a.example", "https://a.example?x", "1x://y",
        ])
    func invalid(text: String) {
        let origin = #expect(throws: ServerError.self) {
            try ServerConfiguration(browsers: BrowserConfiguration(allowedOrigins: [text])).validate()
        }
        #expect(origin?.code == .invalidConfiguration)
        #expect(origin?.message.contains("\"\(text)\"") == true)
        // These are valid names of hosts.
        if text != "app.example.com", text != "null" {
            let host = #expect(throws: ServerError.self) {
                try ServerConfiguration(browsers: BrowserConfiguration(allowedHosts: [text])).validate()
            }
            #expect(host?.message.contains("\"\(text)\"") == true)
        }
        #expect(throws: ServerError.self) {
            try ServerConfiguration(browsers: BrowserConfiguration(allowedHosts: ["a.example:80"])).validate()
        }
    }
}
