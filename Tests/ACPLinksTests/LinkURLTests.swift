// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ACPLinks

@Suite("URLs of links")
struct LinkURLTests {
    @Test(
        "A URL is composed of its parsed parts",
        arguments: [
            ("http://example.com", "http://example.com/"),
            ("HTTP://Example.COM:80/A?B=c#d", "http://example.com/A?B=c"),
            ("https://example.com.:443/", "https://example.com/"),
            ("https://example.com:8443?x", "https://example.com:8443/?x"),
            ("http://192.0.2.1:8000/a//b/../c", "http://192.0.2.1:8000/a//b/../c"),
            ("http://[2001:DB8::1]:80/", "http://[2001:db8:0:0:0:0:0:1]/"),
            ("http://[::ffff:127.0.0.1]/", "http://[0:0:0:0:0:ffff:7f00:1]/"),
            ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
            ("http://my_host/x", "http://my_host/x"),
            ("http://127.0.0.1.nip.io/", "http://127.0.0.1.nip.io/"),
            ("http://example.com/a@b:c", "http://example.com/a@b:c"),
        ])
    func understood(text: String, url: String) throws {
        #expect(try LinkURL(text).description == url)
    }

    @Test(
        "An ambiguous URL is rejected",
        arguments: [
            "", "example.com", "/sessions/s/history/0", "//example.com/", "ftp://example.com/", "file:///etc/passwd",
            "gopher://example.com/", "unix:/var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
            "http:/example.com",
            "http://", "http:///x", "http://:80/", "http://example.com:0/", "http://example.com:65536/",
            "http://example.com:8a/", "http://example.com:+80/", "http://example.com:80:90/",
            "http://user@example.com/", "http://user:password@example.com/", "http://example.com@127.0.0.1/",
            "http://127.0.0.1\\@example.com/", "http://example.com\\.evil/", "http://exam ple.com/",
            "http://example.com/a b",
            "http://example.com/\r\nX: y", "http://example.com/\u{0}", "http://bücher.example/", "http://example.com/ü",
            "http://１２７.0.0.1/", "http://127。0。0。1/", "http://%31%32%37.0.0.1/", "http://localhost%00.example.com/",
            "http://2130706433/", "http://017700000001/", "http://0177.0.0.1/", "http://0x7f.1/", "http://0x7f000001/",
            "http://0x7F.0.0.0x1/", "http://127.1/", "http://127.0.1/", "http://0/", "http://1.2.3.4.5/", "http://0x/",
            "http://127.0.0.1../", "http://example..com/", "http://.example.com/", "http://[::1/", "http://[::1]x/",
            "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[127.0.0.1]/", "http://[]/", "http://::1/",
            "http://[v1.x]/", "http://exa[mple.com/", "http://a" + String(repeating: "b", count: 63) + ".com/",
            "http://example.com/" + String(repeating: "x", count: 8_192),
        ])
    func refused(text: String) {
        do {
            let url = try LinkURL(text)
            Issue.record("understood as \(url)")
        } catch {
            #expect(error.code == .invalidURL)
            #expect(!error.message.contains("password") && error.message.count < 500)
        }
    }

    @Test("Errors contain a URL without the parts that may be secret")
    func shown() {
        #expect(LinkError.shown("https://u:p@h.example/a?signature=s#f") == "https://h.example/a")
        #expect(LinkError.shown("https://h.example/a@b") == "https://h.example/a@b")
        #expect(LinkError.shown("no url?x") == "no url")
        #expect(LinkError.shown("http://h/\u{1B}[31m\n") == "http://h/[31m")
        #expect(LinkError.shown("http://h/" + String(repeating: "x", count: 9_000)).count == 201)
    }

    @Test(
        "A redirect can lead to the same host",
        arguments: [
            ("http://h.example/a/b?q", "/c", "http://h.example/c"),
            ("http://h.example/a/b?q", "c?d", "http://h.example/a/c?d"),
            ("http://h.example/a/b?q", "?d", "http://h.example/a/b?d"),
            ("http://h.example/a", "//H.example:80/x", "http://h.example/x"),
            ("http://h.example/a", "https://h.example/x", "https://h.example/x"),
            ("https://h.example:8443/a", "https://h.example/x", "https://h.example/x"),
        ])
    func redirect(from: String, location: String, to: String) throws {
        #expect(try LinkURL(from).redirected(to: location).description == to)
    }

    @Test(
        "A redirect must not lead to another host, nor from https to http",
        arguments: [
            ("http://h.example/a", "http://169.254.169.254/latest/meta-data/"),
            ("http://h.example/a", "//other.example/"),
            ("http://h.example/a", "http://h.example.evil/"), ("http://h.example/a", "http://h.example@evil/"),
            ("http://h.example/a", "http:\\\\evil\\"), ("http://h.example/a", "/\\evil"),
            ("http://h.example/a", "file:///etc/passwd"),
            ("http://h.example/a", "javascript:alert(1)"), ("https://h.example/a", "http://h.example/a"),
        ])
    func redirectElsewhere(from: String, location: String) throws {
        let url = try LinkURL(from)
        let error = #expect(throws: LinkError.self) { try url.redirected(to: location) }
        #expect(error?.code == .redirected || error?.code == .invalidURL)
    }
}
