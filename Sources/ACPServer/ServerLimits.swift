// SPDX-License-Identifier: Apache-2.0

import ACPCore
import HTTPTypes

/// Limits on what callers can make an ``ACPServer`` hold and send.
///
/// ```swift
/// var configuration = ServerConfiguration()
/// configuration.limits.maximumParts = 100
/// ```
public struct ServerLimits: Sendable {
    /// How many messages the input of a run may have. More are refused with 422.
    public var maximumMessages: Int
    /// How many parts the messages of a request may have together. More are refused with 422.
    public var maximumParts: Int
    /// How many keys and values the JSON of a request may hold. It is counted before the JSON is decoded, since small values take
    /// much more memory than bytes. More are refused with 422.
    public var maximumValues: Int
    /// How many URLs of messages a session descriptor in a request may list. More are refused with 422.
    public var maximumLinks: Int
    /// How many bytes the URLs of a session descriptor in a request may have together. More are refused with 422.
    public var maximumLinkBytes: Int
    /// How many bytes a page of a list may have. A page that would have more ends early, after one item at least, and says where
    /// the next one begins.
    public var maximumPageBytes: Int
    /// How many bytes of large request bodies may be received and decoded at the same time. Further requests wait.
    public var requestMemory: Int
    /// How many bytes of large responses may wait for their clients to read them. Further large responses are refused with 503.
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
    /// - Parameter field: Where they stand in the request.
    /// - Throws: ``ErrorAnswer``: 422.
    func check(_ messages: [Message], _ field: String) throws(ErrorAnswer) {
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
    /// - Throws: ``ErrorAnswer``: 422.
    func check(_ session: SessionDescriptor) throws(ErrorAnswer) {
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
    ) -> ErrorAnswer {
        ErrorAnswer(
            .unprocessableContent, .invalidInput,
            "\(field) has \(count) \(things): at most \(limit) are accepted (ServerLimits.\(setting))")
    }
}
