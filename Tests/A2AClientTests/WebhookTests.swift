// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Crypto
import Testing

@testable import A2AClient

@Suite("Receiver of push notifications")
struct WebhookTests {
    private let words = WordTask()
    private var body: [UInt8] { get throws { try A2AJSON.encode(words.elements[1]) } }

    /// Headers, and whether a receiver of a token and credentials accepts them.
    @Test(arguments: [
        (["X-A2A-Notification-Token": "t0ken", "Authorization": "Bearer s3cret"], true),
        (["x-a2a-notification-token": "t0ken", "authorization": "bearer s3cret"], true),
        (["X-A2A-Notification-Token": "t0ken", "Authorization": "Bearer S3cret"], false),
        (["X-A2A-Notification-Token": "t0ken", "Authorization": "Basic s3cret"], false),
        (["X-A2A-Notification-Token": "t0ken"], false),
        (["Authorization": "Bearer s3cret"], false),
        (["X-A2A-Notification-Token": "t0ke", "Authorization": "Bearer s3cret"], false),
        (["X-A2A-Notification-Token": "t0kenx", "Authorization": "Bearer s3cret"], false),
        (["X-A2A-Notification-Token": "", "Authorization": ""], false),
        ([:], false),
    ])
    func onlyRequestsWithTokenAndCredentialsAreAccepted(headers: [String: String], isAccepted: Bool) throws {
        let receiver = WebhookReceiver(token: "t0ken", authentication: .init(scheme: "Bearer", credentials: "s3cret"))
        let pairs = headers.map { (name: $0.key, value: $0.value) }
        if isAccepted {
            #expect(try receiver.receive(headers: pairs, body: try body) == .event(words.elements[1], id: nil))
        } else {
            let rejection = try #require(throws: WebhookReceiver.Rejection.self) {
                try receiver.receive(headers: pairs, body: try body)
            }
            #expect(rejection.status == 401)
            #expect(!rejection.description.contains("s3cret") && !rejection.description.contains("t0ken"))
        }
    }

    @Test func aBodyThatIsNotAnEventOrTooLargeIsRejected() throws {
        let receiver = WebhookReceiver(maximumBodyBytes: 100)
        for (text, status) in [("", 400), ("x", 400), ("[]", 400), (String(repeating: " ", count: 101), 413)] {
            let headers: [(name: String, value: String)] = []
            let rejection = try #require(throws: WebhookReceiver.Rejection.self) {
                try receiver.receive(headers: headers, body: Array(text.utf8))
            }
            #expect(rejection.status == status)
        }
    }

    @Test func aRepeatedDeliveryIsADuplicateUntilItIsForgotten() throws {
        let receiver = WebhookReceiver(rememberedDeliveries: 2)
        func deliver(_ id: String) throws -> WebhookReceiver.Delivery {
            try receiver.receive(headers: [(name: "webhook-id", value: id)], body: try body)
        }
        #expect(try deliver("1") == .event(words.elements[1], id: "1"))
        #expect(try deliver("1") == .duplicate(id: "1"))
        receiver.forget("1")
        #expect(try deliver("1") == .event(words.elements[1], id: "1"))
        #expect(try deliver("2") == .event(words.elements[1], id: "2"))
        #expect(try deliver("3") == .event(words.elements[1], id: "3"))
        #expect(try deliver("3") == .duplicate(id: "3"))
    }

    @Test func aDeliveryWhoseHandlingFailsCanBeRepeated() async throws {
        struct Failure: Error {}
        let receiver = WebhookReceiver()
        let headers = [(name: "webhook-id", value: "1")]
        await #expect(throws: Failure.self) {
            try await receiver.receive(headers: headers, body: try body) { _ in throw Failure() }
        }
        let isHandled = try await receiver.receive(headers: headers, body: body) { event in
            #expect(event == words.elements[1])
        }
        #expect(isHandled)
        let isHandledAgain = try await receiver.receive(headers: headers, body: try body) { _ in }
        #expect(isHandledAgain == false)
    }

    /// What is signed, with what, and whether a receiver of two keys accepts it.
    @Test(arguments: [
        ("1", 1000, ["v1:1"], true), ("1", 1000, ["v1a:1"], true), ("1", 700, ["v1:1"], true),
        ("1", 1300, ["v1:1"], true),
        ("1", 1000, ["v1:2", "v1:1"], true), ("1", 1000, ["v2:1", "v1:1"], true),
        // Too old, too new, another key, no signature.
        ("1", 699, ["v1:1"], false), ("1", 1301, ["v1:1"], false), ("1", 1000, ["v1:2"], false),
        ("1", 1000, ["v1a:2"], false), ("1", 1000, ["v2:1"], false), ("1", 1000, ["", ",", "v1,", "v1,!"], false),
        ("1", 1000, [], false),
    ])
    func theSignatureOfARequestIsVerified(id: String, time: Int, signed: [String], isAccepted: Bool) throws {
        let secrets = ["1": SymmetricKey(data: Array("first".utf8)), "2": SymmetricKey(data: Array("second".utf8))]
        let seed = Array(repeating: UInt8(1), count: 32)
        let privateKeys = try [
            "1": Curve25519.Signing.PrivateKey(rawRepresentation: seed), "2": Curve25519.Signing.PrivateKey(),
        ]
        let receiver = WebhookReceiver(
            keys: [.secret(try #require(secrets["1"])), .ed25519(try #require(privateKeys["1"]).publicKey)],
            now: { Timestamp("1970-01-01T00:16:40Z") ?? .now })
        let body = try self.body
        let content = Array("\(id).\(time).".utf8) + body
        let signatures = try signed.map { text -> String in
            let parts = text.split(separator: ":").map { String($0) }
            guard parts.count == 2 else { return text }
            let bytes =
                parts[0] == "v1a"
                ? Array(try #require(privateKeys[parts[1]]).signature(for: content))
                : Array(HMAC<SHA256>.authenticationCode(for: content, using: try #require(secrets[parts[1]])))
            return "\(parts[0]),\(Base64.text(bytes))"
        }
        var headers = [(name: "Webhook-Id", value: id), (name: "Webhook-Timestamp", value: "\(time)")]
        if !signed.isEmpty { headers.append((name: "Webhook-Signature", value: signatures.joined(separator: " "))) }
        func accepts(_ headers: [(name: String, value: String)], _ body: [UInt8]) -> Bool {
            receiver.forget(id)
            do throws(WebhookReceiver.Rejection) {
                _ = try receiver.receive(headers: headers, body: body)
                return true
            } catch {
                #expect(error.status == 401)
                return false
            }
        }
        #expect(accepts(headers, body) == isAccepted)
        let isForgedAccepted = accepts(headers, Array("{}".utf8))
        #expect(!isForgedAccepted)
        headers[0].value = "2"
        let isReplayedAccepted = accepts(headers, body)
        #expect(!isReplayedAccepted)
        let isUnsignedAccepted = accepts([], body)
        #expect(!isUnsignedAccepted)
    }
}
