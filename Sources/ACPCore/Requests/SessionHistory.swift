// SPDX-License-Identifier: Apache-2.0

/// The response to `GET /sessions/{session_id}/history`: one page of the session's messages. Not part of the
/// specification.
public struct SessionHistoryResponse: Sendable, Hashable {
    /// The entries of the page, oldest first.
    public var history: [SessionHistoryEntry]
    /// The number of entries on all pages.
    public var total: Int
    /// The offset of the next page. If `nil`, this is the last page, or the server does not report offsets.
    public var nextOffset: Int?

    /// Creates a page of a session's history.
    ///
    /// - Parameters:
    ///   - history: The entries of the page, oldest first.
    ///   - total: The number of entries on all pages.
    ///   - nextOffset: The offset of the next page. Defaults to `nil`.
    public init(history: [SessionHistoryEntry], total: Int, nextOffset: Int? = nil) {
        self.history = history
        self.total = total
        self.nextOffset = nextOffset
    }
}

/// One message of a session's history, or its location on another server.
public struct SessionHistoryEntry: Sendable, Hashable {
    /// The message's URL, the same as in the session's descriptor.
    public var url: String
    /// The message. If `nil`, another server keeps it: load it from ``url``.
    public var message: Message?

    /// Creates an entry.
    ///
    /// - Parameters:
    ///   - url: The message's URL.
    ///   - message: The message. If `nil`, another server keeps it.
    public init(url: String, message: Message? = nil) {
        self.url = url
        self.message = message
    }
}
