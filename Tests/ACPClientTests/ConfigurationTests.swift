// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
import Testing

@testable import ACPClient

@Suite("Configuration of a client")
struct ConfigurationTests {
    @Test(
        "The URL of a server can have a path and a trailing slash",
        arguments: [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
            (" HTTP://Example.com/acp/v1// ", "http://example.com/acp/v1"),
            ("https://example.com/a%20b/", "https://example.com/a%20b"),
            ("http://[::1]:8000/", "http://[::1]:8000"),
            ("HTTPS://[2001:DB8::1]/Acp\n", "https://[2001:db8::1]/Acp"),
        ])
    func takesURLs(_ text: String, _ expected: String) throws {
        #expect(try ACPClient(text).url == expected)
    }

    @Test(
        "An invalid URL is described by the error",
        arguments: [
            ("", "empty"),
            ("localhost:8000", "http"),
            ("ftp://example.com", "http and https"),
            ("example.com", "begin it with http"),
            ("http://", "no host"),
            ("http://example.com:99999", "port"),
            ("http://example.com/?a=b", "query"),
            ("http://user:secret@example.com", "bearer token"),
            ("http://::1:8000", "brackets"),
            ("http://[fe80::1%25eth0]:8000", "zone"),
            ("http://[fe80::1%eth0]:8000", "zone"),
        ])
    func refusesURLs(_ text: String, _ words: String) throws {
        let error = try #require(throws: ACPClientError.self) { try ACPClient(text) }
        #expect(error.code == .invalidURL)
        #expect(error.message.contains(words))
        #expect(!"\(error)".contains("secret"))
    }

    @Test("Descriptions do not contain the token and the values of headers")
    func keepsSecrets() throws {
        let configuration = ACPClient.Configuration(bearerToken: "s3cret", headers: ["X-Key": "s3cret"])
        let client = try ACPClient("http://127.0.0.1:1", configuration: configuration)
        var dumped = ""
        dump(configuration, to: &dumped)
        dump(client, to: &dumped)
        dump(client.session(), to: &dumped)
        let shown = "\(configuration) \(client) \(String(reflecting: configuration)) \(String(reflecting: client))"
        #expect(!(shown + dumped).contains("s3cret"))
        #expect(shown.contains("X-Key"))
    }

    @Test(
        "Tokens and headers that cannot be sent are rejected, without showing them",
        arguments: [
            ACPClient.Configuration(bearerToken: ""),
            ACPClient.Configuration(bearerToken: "s3cret\n"),
            ACPClient.Configuration(bearerToken: " "),
            ACPClient.Configuration(bearerToken: "s3cret s3cret"),
            ACPClient.Configuration(bearerToken: "s3cret\u{e9}"),
            ACPClient.Configuration(bearerToken: "s3cret\u{7f}"),
            ACPClient.Configuration(headers: ["X-Key": " s3cret"]),
            ACPClient.Configuration(headers: ["X-Key": "s3cret\r\nX: y"]),
            ACPClient.Configuration(headers: ["X Key": "s3cret"]),
        ])
    func refusesHeaders(_ configuration: ACPClient.Configuration) throws {
        let error = try #require(throws: ACPClientError.self) {
            try ACPClient("http://127.0.0.1:1", configuration: configuration)
        }
        #expect(error.code == .invalidConfiguration)
        #expect(!"\(error)".contains("s3cret"))
    }

    @Test("A certificate file that cannot be read is named in the error")
    func namesMissingFiles() throws {
        var configuration = ACPClient.Configuration()
        configuration.tls.trustRoots = .file("/nowhere/ca.pem")
        let error = try #require(throws: ACPClientError.self) {
            try ACPClient("https://127.0.0.1:1", configuration: configuration)
        }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.contains("/nowhere/ca.pem"))
    }

    @Test("The token is sent only to URLs of the same origin")
    func knowsItsOrigin() throws {
        let base = try BaseURL("http://example.com:8000/acp")
        #expect(base.isSameOrigin(as: "http://EXAMPLE.com:8000/other"))
        #expect(!base.isSameOrigin(as: "https://example.com:8000/acp"))
        #expect(!base.isSameOrigin(as: "http://example.com/acp"))
        #expect(!base.isSameOrigin(as: "http://example.com:8000@evil.org/acp"))
        #expect(base.resolve("/sessions/1") == "http://example.com:8000/sessions/1")
        #expect(base.resolve("https://other.org/1") == "https://other.org/1")
        #expect(base.resolve("file:///etc/passwd") == nil)
    }

    @Test("Strings, messages and parts are converted to input messages")
    func makesMessages() {
        #expect("Hi".inputMessages.map(\.text) == ["Hi"])
        #expect(["Hi", "there"].inputMessages.map(\.text) == ["Hi", "there"])
        #expect(MessagePart.text("Hi").inputMessages.map(\.text) == ["Hi"])
        #expect("Ada".awaitResume.message?.text == "Ada")
        #expect(AwaitResume.other(["a": 1]).awaitResume == .other(["a": 1]))
    }
}
