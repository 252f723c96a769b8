// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

/// Verifies and reads the push notifications that an agent sends to a URL of yours.
///
/// It is independent of any HTTP server: it takes the headers and the body of a request, and returns the event or the
/// reason why the request is rejected. A receiver is shared by all requests to a URL.
///
/// ```swift
/// let token = A2A.MessageID().rawValue
/// let receiver = WebhookReceiver(token: token)
///
/// let router = Router()
/// router.post("/webhook") { request, _ -> HTTPResponse.Status in
///     let body = try await request.body.collect(upTo: receiver.maximumBodyBytes)
///     let headers = request.headers.map { (name: $0.name.rawName, value: $0.value) }
///     do {
///         try await receiver.receive(headers: headers, body: body.readableBytesView) { event in
///             if case .statusUpdate(let update) = event { print(update.taskID, update.status.state) }
///         }
///         return .noContent
///     } catch let rejection as WebhookReceiver.Rejection {
///         return .init(code: rejection.status)
///     }
/// }
///
/// let config = A2A.TaskPushNotificationConfig(url: "https://me.example/webhook", token: token)
/// _ = try await client.sendMessage(
///     A2A.Message("A long story"), configuration: .init(pushNotificationConfig: config, returnsImmediately: true))
/// ```
///
/// Agents may send an event more than once. Deliveries with an id, as servers of this package send them, are recognized
/// when they are repeated; other events have to be handled so that a repetition does no harm.
public final class WebhookReceiver: Sendable {
    /// The header with the token of the configuration.
    public static let tokenHeaderName = "X-A2A-Notification-Token"
    /// The header with the id of a delivery, which is the same for all attempts (Standard Webhooks).
    public static let deliveryIDHeaderName = "webhook-id"
    /// The header with the time of a signature, in seconds since 1970 (Standard Webhooks).
    public static let timestampHeaderName = "webhook-timestamp"
    /// The header with the signatures (Standard Webhooks).
    public static let signatureHeaderName = "webhook-signature"

    /// The maximum size of a body, in bytes.
    public let maximumBodyBytes: Int
    private let token: String?
    private let authorization: String?
    private let keys: [WebhookKey]?
    private let maximumAgeSeconds: Int64
    private let now: @Sendable () -> Timestamp
    private let deliveries: DeliveryLog

    /// Creates a receiver. It accepts requests that satisfy all of the conditions that are not `nil`.
    ///
    /// - Parameters:
    ///   - token: The token of the push notification configuration. If `nil`, none is required.
    ///   - authentication: The authentication of the push notification configuration. If `nil`, none is required.
    ///   - keys: The keys of the server, one of which must have signed the request in the form of Standard Webhooks. If
    ///     `nil`, no signature is required.
    ///   - maximumAge: How much the time of a signature may differ from the clock of the receiver. Defaults to 5
    ///     minutes.
    ///   - maximumBodyBytes: The maximum size of a body. Defaults to 16 MiB.
    ///   - rememberedDeliveries: The number of delivery ids that are remembered, to recognize repeated deliveries.
    ///     Defaults to 10,000.
    public convenience init(
        token: String? = nil, authentication: A2A.AuthenticationInfo? = nil, keys: [WebhookKey]? = nil,
        maximumAge: Duration = .seconds(300), maximumBodyBytes: Int = 16 * 1024 * 1024,
        rememberedDeliveries: Int = 10_000
    ) {
        self.init(
            token: token, authentication: authentication, keys: keys, maximumAge: maximumAge,
            maximumBodyBytes: maximumBodyBytes, rememberedDeliveries: rememberedDeliveries, now: { .now })
    }

    init(
        token: String? = nil, authentication: A2A.AuthenticationInfo? = nil, keys: [WebhookKey]? = nil,
        maximumAge: Duration = .seconds(300), maximumBodyBytes: Int = 16 * 1024 * 1024,
        rememberedDeliveries: Int = 10_000, now: @escaping @Sendable () -> Timestamp
    ) {
        // The limit only prevents an overflow.
        maximumAgeSeconds = min(max(maximumAge.components.seconds, 0), 3_000_000_000)
        self.now = now
        self.token = token
        authorization = authentication.map { "\($0.scheme) \($0.credentials ?? "")" }
        self.keys = keys
        self.maximumBodyBytes = maximumBodyBytes
        deliveries = DeliveryLog(capacity: rememberedDeliveries)
    }

    /// Why a request is rejected. The status is the one to respond with.
    public struct Rejection: Error, Sendable, Hashable, CustomStringConvertible {
        /// The HTTP status to respond with.
        public var status: Int
        /// The reason. It contains no secrets.
        public var message: String

        /// Creates a rejection.
        public init(status: Int, message: String) {
            self.status = status
            self.message = message
        }

        /// The status and the reason.
        public var description: String { "\(status): \(message)" }
    }

    /// What a request contains.
    public enum Delivery: Sendable, Hashable {
        /// An event, with the id of its delivery if the agent has sent one.
        case event(A2A.StreamResponse, id: String?)
        /// An event that was received before, or is being handled. Acknowledge it, for example with status 204.
        case duplicate(id: String)
    }

    /// Verifies and reads a request, and handles its event, if it was not handled before.
    ///
    /// A delivery whose handling throws is forgotten, so that it can be repeated: respond with an error status then,
    /// such as 500.
    ///
    /// - Parameters:
    ///   - headers: The names and values of the headers. Upper and lower case of the names are the same.
    ///   - body: The body.
    ///   - handle: Handles the event.
    /// - Returns: Whether the event was handled; `false` for a repeated delivery.
    /// - Throws: ``Rejection``; errors of the handling.
    @discardableResult
    public func receive(
        headers: some Sequence<(name: String, value: String)>, body: some Collection<UInt8>,
        handle: (A2A.StreamResponse) async throws -> Void
    ) async throws -> Bool {
        guard case .event(let event, let id) = try receive(headers: headers, body: body) else { return false }
        do {
            try await handle(event)
            return true
        } catch {
            if let id { forget(id) }
            throw error
        }
    }

    /// Verifies and reads a request.
    ///
    /// The id of the delivery counts as received: call ``forget(_:)`` if the event cannot be handled, so that it can be
    /// repeated.
    ///
    /// - Parameters:
    ///   - headers: The names and values of the headers. Upper and lower case of the names are the same.
    ///   - body: The body.
    /// - Throws: ``Rejection``.
    public func receive(
        headers: some Sequence<(name: String, value: String)>, body: some Collection<UInt8>
    ) throws(Rejection) -> Delivery {
        let headers = ReceivedHeaders(headers)
        guard body.count <= maximumBodyBytes else {
            throw Rejection(status: 413, message: "the body has more than \(maximumBodyBytes) bytes")
        }
        try authenticate(headers)
        let body = Array(body)
        if let keys { try verify(headers, of: body, keys) }
        let event: A2A.StreamResponse
        do throws(A2AError) {
            event = try A2AJSON.decode(A2A.StreamResponse.self, from: body)
        } catch {
            throw Rejection(status: 400, message: "the body is not an event of A2A: \(error.message)")
        }
        guard let id = headers[Self.deliveryIDHeaderName], !id.isEmpty else { return .event(event, id: nil) }
        return deliveries.add(id) ? .event(event, id: id) : .duplicate(id: id)
    }

    /// Forgets a delivery, so that it is not a duplicate when it is repeated.
    public func forget(_ deliveryID: String) { deliveries.remove(deliveryID) }

    private func authenticate(_ headers: ReceivedHeaders) throws(Rejection) {
        if let token, !isEqual(headers[Self.tokenHeaderName], token) {
            throw Rejection(status: 401, message: "the header \(Self.tokenHeaderName) is missing or wrong")
        }
        guard let authorization else { return }
        let received = headers["Authorization"].map(normalizedScheme)
        guard isEqual(received, normalizedScheme(authorization)) else {
            throw Rejection(status: 401, message: "the header Authorization is missing or wrong")
        }
    }

    /// The value with its scheme in lower case, since upper and lower case of it are the same.
    private func normalizedScheme(_ value: String) -> String {
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard let scheme = parts.first else { return "" }
        return scheme.lowercased() + " " + (parts.count > 1 ? parts[1] : "")
    }

    /// Compares in a time that does not depend on the place of the first difference.
    private func isEqual(_ received: String?, _ expected: String) -> Bool {
        guard let received else { return false }
        let left = Array(received.utf8)
        let right = Array(expected.utf8)
        var difference = UInt8(left.count == right.count ? 0 : 1)
        for index in right.indices { difference |= right[index] ^ (index < left.count ? left[index] : 0) }
        return difference == 0
    }

    private func verify(_ headers: ReceivedHeaders, of body: [UInt8], _ keys: [WebhookKey]) throws(Rejection) {
        guard let id = headers[Self.deliveryIDHeaderName], let timestamp = headers[Self.timestampHeaderName],
            let signatures = headers[Self.signatureHeaderName]
        else {
            throw Rejection(
                status: 401,
                message:
                    "the request is not signed: the headers \(Self.deliveryIDHeaderName), \(Self.timestampHeaderName) and \(Self.signatureHeaderName) are required"
            )
        }
        let current = now().microseconds / 1_000_000
        guard let seconds = Int64(timestamp), seconds >= current - maximumAgeSeconds,
            seconds <= current + maximumAgeSeconds
        else {
            throw Rejection(
                status: 401, message: "the time of the signature differs too much from the clock of the receiver")
        }
        let content = Array("\(id).\(timestamp).".utf8) + body
        let isSigned = signatures.split(separator: " ").prefix(16).contains { signature in
            keys.contains { $0.isSignature(signature, of: content) }
        }
        guard isSigned else {
            throw Rejection(
                status: 401,
                message: "no signature of the request belongs to its body and to one of the keys of the receiver")
        }
    }
}

/// The headers of a request, by names in lower case. Of headers with the same name the first counts.
private struct ReceivedHeaders {
    private var values: [String: String] = [:]

    init(_ headers: some Sequence<(name: String, value: String)>) {
        for (name, value) in headers where values[name.lowercased()] == nil { values[name.lowercased()] = value }
    }

    subscript(name: String) -> String? { values[name.lowercased()] }
}
