// SPDX-License-Identifier: Apache-2.0

import ACPClient
import Foundation
import NIOHTTP1
import Synchronization
import Testing

@testable import ACPServer

@Suite("Signed URLs")
struct SigningTests {
    private static let keys = ["a key that nobody guesses", "an older key that nobody guesses"]

    private static func signing(_ keys: [String] = keys, at time: Int = 1_000_000) throws -> URLSigning {
        try URLSigning(keys: keys, lifetime: .seconds(80)) { Date(timeIntervalSince1970: Double(time)) }
    }

    private static func validity(_ url: String, on resource: SessionResource, by signing: URLSigning)
        -> URLSigning.SignatureValidity
    {
        let link = SessionLink(url)
        return signing.validity(of: resource, expires: link.expires.map { "\($0)" }, signature: link.signature)
    }

    @Test("A URL is valid for its lifetime and up to an eighth longer, and then expired")
    func lifetime() throws {
        let resource = SessionResource.message("s", 3)
        let base = try #require(ServerBase("https://a.example/acp"))
        let url = try Self.signing(at: 1_000_003).url(of: resource, at: base)
        // 80 seconds later, and then the next tenth second.
        #expect(url.hasPrefix("https://a.example/acp/sessions/s/history/3?expires=1000090&signature="))
        #expect(try Self.validity(url, on: resource, by: Self.signing(at: 1_000_083)) == .valid(remaining: 7))
        #expect(try Self.validity(url, on: resource, by: Self.signing(at: 1_000_089)) == .valid(remaining: 1))
        #expect(try Self.validity(url, on: resource, by: Self.signing(at: 1_000_090)) == .expired)
        let again = try Self.signing(at: 1_000_010).url(of: resource, at: base)
        #expect(again == url, "a moment later, the same URL")
    }

    @Test("A signature is valid for one resource, one expiry and one key")
    func forged() throws {
        let signing = try Self.signing()
        let resource = SessionResource.state("s")
        let link = SessionLink(signing.url(of: resource, at: .unknown))
        let (expires, signature) = (try #require(link.expires), try #require(link.signature))
        func validity(_ resource: SessionResource, _ expires: String?, _ signature: String?)
            -> URLSigning.SignatureValidity
        {
            signing.validity(of: resource, expires: expires, signature: signature)
        }
        #expect(validity(resource, "\(expires)", signature) == .valid(remaining: expires - 1_000_000))
        #expect(validity(.state("t"), "\(expires)", signature) == .invalid)
        #expect(validity(.message("s", 0), "\(expires)", signature) == .invalid)
        #expect(validity(resource, "\(expires + 1)", signature) == .invalid)
        let other = signature.first == "A" ? "B" : "A"
        for wrong in [nil, "", "x", String(signature.dropLast()), other + signature.dropFirst(), signature + "A"] {
            #expect(validity(resource, "\(expires)", wrong) == .invalid, "\(wrong ?? "none")")
        }
        for wrong in [nil, "", "x", "-1", "99999999999999999999"] {
            #expect(validity(resource, wrong, signature) == .invalid)
        }
        #expect(try Self.validity(link.url, on: resource, by: Self.signing(["quite another secret"])) == .invalid)
    }

    @Test("A key can be replaced without an interruption")
    func rotation() throws {
        let resource = SessionResource.message("s", 0)
        let url = try Self.signing(["an older key that nobody guesses"]).url(of: resource, at: .unknown)
        #expect(try Self.validity(url, on: resource, by: Self.signing()) != .invalid)
        let new = try Self.signing().url(of: resource, at: .unknown)
        #expect(
            try Self.validity(new, on: resource, by: Self.signing(["an older key that nobody guesses"])) == .invalid)
    }

    @Test("Invalid keys and lifetimes are errors, and descriptions contain no key")
    func configuration() throws {
        for keys in [[], ["short"], Self.keys + [""]] {
            #expect(throws: ServerError.self) { try URLSigning(keys: keys) }
        }
        for lifetime in [Duration.zero, .seconds(-5), .seconds(1e12)] {
            #expect(throws: ServerError.self) { try URLSigning(keys: Self.keys, lifetime: lifetime) }
        }
        var text = "\(try Self.signing())"
        dump(ServerConfiguration(urlSigning: try Self.signing()), to: &text)
        #expect(!text.contains("guesses"))
    }

    private static let configuration: ServerConfiguration = .quick.with {
        $0.authentication = .bearer("the-token")
        $0.urlSigning = try? URLSigning(keys: keys)
    }

    @Test("A signed URL grants access to its resource without a token, and to nothing else")
    func access() async throws {
        try await withServer(configuration: Self.configuration, token: "the-token") { serving in
            _ = try await serving.client.run(agent: "counter", input: "x", session: "s")
            let descriptor = try await serving.client.sessionDescriptor("s")
            let urls = descriptor.history + [try #require(descriptor.state)]
            let token: HTTPHeaders = ["Authorization": "Bearer the-token"]
            for url in urls {
                let path = String(url.dropFirst(serving.url.count))
                let plain = String(path.prefix { $0 != "?" })
                let signed = try await serving.get(path)
                #expect(signed.status == 200)
                #expect(try await serving.send(.HEAD, path).status == 200)
                #expect(try await serving.get(plain, headers: token).body == signed.body)
                #expect(try await serving.get(path + "x", headers: token).status == 200)
                for refused in [
                    plain, path + "x", plain + "?expires=1&signature=x", plain.replacing("/s/", with: "/t/"),
                ] {
                    let error = try await serving.get(refused).expectError(403, .unauthorized)
                    #expect(error.message.contains("descriptor"))
                }
                try await serving.get(plain, headers: ["Authorization": "Bearer x"]).expectError(403, .unauthorized)
            }
            // A signature of a resource opens nothing but that.
            let query = String(urls[0].drop { $0 != "?" })
            for path in ["/sessions/s", "/session/s", "/sessions/s/history", "/runs"] {
                try await serving.get(path + query).expectError(401, .unauthorized)
            }
            try await serving.send(.DELETE, "/sessions/s" + query).expectError(401, .unauthorized)
            #expect(try await serving.client.messages(of: "s").map(\.text) == ["x", "Count: 1"])
            #expect(try await serving.client.messages(of: descriptor).map(\.text) == ["x", "Count: 1"])
        }
    }

    @Test("An expired URL is reported as such")
    func expired() async throws {
        let time = Mutex(Date())
        let signing = try URLSigning(keys: Self.keys, lifetime: .seconds(80)) { time.withLock { $0 } }
        try await withServer(configuration: .quick.with { $0.urlSigning = signing }) { serving in
            _ = try await serving.client.run(agent: "echo", input: "x", session: "s")
            let url = try await serving.client.sessionDescriptor("s").history[0]
            let path = String(url.dropFirst(serving.url.count))
            let answer = try await serving.get(path)
            #expect(answer.status == 200)
            let age = answer.headers.first(name: "Cache-Control")?.split(separator: "=").last?.prefix { $0 != "," }
            #expect(try #require(age.flatMap { Int($0) }) <= 90, "not to be used for longer than the URL")
            time.withLock { $0 += 100 }
            let error = try await serving.get(path).expectError(403, .unauthorized)
            #expect(error.message.contains("expired"))
            let fresh = try await serving.client.sessionDescriptor("s").history[0]
            #expect(try await serving.get(String(fresh.dropFirst(serving.url.count))).status == 200)
        }
    }

    @Test("Signed URLs are recognized, even expired ones, and those of other servers are stored once")
    func forwarded() async throws {
        try await withServer(configuration: Self.configuration, token: "the-token") { serving in
            _ = try await serving.client.run(agent: "echo", input: "one", session: "s")
            var descriptor = try await serving.client.sessionDescriptor("s")
            let own = descriptor.history[0].prefix { $0 != "?" }
            let signature = String(repeating: "s", count: 43)
            descriptor.history.append("\(own)?expires=5&signature=\(signature)")
            for expires in [1, 2] {
                var request = RunCreateRequest(agentName: "echo", input: [Message("two")], session: descriptor)
                request.session?.history.append("http://other.example/m/0?expires=\(expires)&signature=\(signature)")
                _ = try await serving.client.run(request)
            }
            let history = try await serving.client.sessionDescriptor("s").history
            #expect(history.count == 7, "\(history)")
            #expect(history.filter { $0.hasPrefix("http://other.example/m/0?") }.count == 1)
        }
    }

    @Test("A URL of another session requires a signature, also in a run's descriptor")
    func anotherSession() async throws {
        try await withServer(configuration: Self.configuration, token: "the-token") { serving in
            _ = try await serving.client.run(agent: "counter", input: "secret", session: "victim")
            let victim = try await serving.client.sessionDescriptor("victim")
            let message = victim.history[0]
            let state = try #require(victim.state)
            func plain(_ url: String) -> String { String(url.prefix { $0 != "?" }) }
            func run(_ history: [String], _ state: String?) async throws -> Run {
                let session = SessionDescriptor(id: "mine", history: history, state: state)
                return try await serving.client.run(
                    RunCreateRequest(agentName: "echo", input: [Message("x")], session: session))
            }
            for (history, state) in [([plain(message)], nil), ([message + "x"], nil), ([], plain(state))] {
                let error = try await #require(throws: ACPClientError.self) { try await run(history, state) }
                #expect(error.status == 403 && error.serverError?.message.contains("not signed") == true)
            }
            #expect(try await run([message], state).status == .completed)
            #expect(try await serving.client.messages(of: "mine").map(\.text).first == "secret")
        }
    }
}
