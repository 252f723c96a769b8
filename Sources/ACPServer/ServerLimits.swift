// SPDX-License-Identifier: Apache-2.0

import ACPCore
import HTTPTypes

/// Limits of the memory that callers can make an ``ACPServer`` use.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.limits.maximumParts = 100
/// ```
public struct ServerLimits: Sendable {
    /// The maximum number of messages in the input of a run. Requests with more are rejected with 422.
    public var maximumMessages: Int
    /// The maximum number of parts in all messages of a request. Requests with more are rejected with 422.
    public var maximumParts: Int
    /// The maximum number of keys and values in the JSON of a request. They are counted before the JSON is decoded,
    /// since small values take much more memory than their bytes. Requests with more are rejected with 422.
    public var maximumValues: Int
    /// The maximum number of message URLs in the session descriptor of a request. Requests with more are rejected with
    /// 422.
    public var maximumLinks: Int
    /// The maximum total size of the URLs in the session descriptor of a request, in bytes. Requests with more are
    /// rejected with 422.
    public var maximumLinkBytes: Int
    /// The maximum size of a page of a list, in bytes. A page that would be larger ends early, after at least one item,
    /// and names the offset of the next page.
    public var maximumPageBytes: Int
    /// The number of bytes of large request bodies that may be received and decoded at the same time. Further requests
    /// wait.
    public var requestMemory: Int
    /// The number of bytes of large responses that may wait for their clients to read them. Further large responses are
    /// replaced by 503.
    public var responseMemory: Int

    /// Creates limits.
    ///
    /// - Parameters:
    ///   - maximumMessages: Defaults to 1,000.
    ///   - maximumParts: Defaults to 10,000.
    ///   - maximumValues: Defaults to 250,000.
    ///   - maximumLinks: Defaults to 5,000.
    ///   - maximumLinkBytes: Defaults to 1 MiB.
    ///   - maximumPageBytes: Defaults to 1 MiB.
    ///   - requestMemory: Defaults to 64 MiB.
    ///   - responseMemory: Defaults to 128 MiB.
    public init(
        maximumMessages: Int = 1_000,
        maximumParts: Int = 10_000,
        maximumValues: Int = 250_000,
        maximumLinks: Int = 5_000,
        maximumLinkBytes: Int = 1_048_576,
        maximumPageBytes: Int = 1_048_576,
        requestMemory: Int = 64 * 1_048_576,
        responseMemory: Int = 128 * 1_048_576
    ) {
        self.maximumMessages = maximumMessages
        self.maximumParts = maximumParts
        self.maximumValues = maximumValues
        self.maximumLinks = maximumLinks
        self.maximumLinkBytes = maximumLinkBytes
        self.maximumPageBytes = maximumPageBytes
        self.requestMemory = requestMemory
        self.responseMemory = responseMemory
    }
}

extension ServerLimits {
    /// Checks the messages of a request.
    ///
    /// - Parameter field: The path of the messages in the request, for the error.
    /// - Throws: ``ErrorResponse``: 422.
    func check(_ messages: [Message], _ field: String) throws(ErrorResponse) {
        guard messages.count <= maximumMessages else {
            throw Self.tooMany(messages.count, "messages", in: field, maximumMessages, "maximumMessages")
        }
        let parts = messages.reduce(0) { $0 + $1.parts.count }
        guard parts <= maximumParts else {
            throw Self.tooMany(parts, "parts", in: field, maximumParts, "maximumParts")
        }
    }

    /// Checks the size of the session descriptor of a request.
    ///
    /// - Throws: ``ErrorResponse``: 422.
    func check(_ session: SessionDescriptor) throws(ErrorResponse) {
        guard session.history.count <= maximumLinks else {
            throw Self.tooMany(session.history.count, "URLs", in: "session.history", maximumLinks, "maximumLinks")
        }
        let bytes = session.history.reduce(session.state?.utf8.count ?? 0) { $0 + $1.utf8.count }
        guard bytes <= maximumLinkBytes else {
            throw Self.tooMany(bytes, "bytes of URLs", in: "session", maximumLinkBytes, "maximumLinkBytes")
        }
    }

    private static func tooMany(
        _ count: Int, _ things: String, in field: String, _ limit: Int, _ setting: String
    ) -> ErrorResponse {
        ErrorResponse(
            .unprocessableContent, .invalidInput,
            "\(field) has \(count) \(things): at most \(limit) are accepted (ServerLimits.\(setting))")
    }
}
