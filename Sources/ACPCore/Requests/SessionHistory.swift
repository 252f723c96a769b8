// SPDX-License-Identifier: Apache-2.0

/// One page of what was said in a session: the answer of `GET /sessions/{session_id}/history`, an addition of this server.
public struct SessionHistoryResponse: Sendable, Hashable {
    /// The entries of the page, oldest first.
    public var history: [SessionHistoryEntry]
    /// How many there are on all pages.
    public var total: Int
    /// The offset of the next page. `nil` if there is none, or if the server does not tell.
    public var nextOffset: Int?

    /// A page of a history, how many entries there are in all, and where the next page begins.
    public init(history: [SessionHistoryEntry], total: Int, nextOffset: Int? = nil) {
        self.history = history
        self.total = total
        self.nextOffset = nextOffset
    }
}

/// One message of a session's history, or where it is.
public struct SessionHistoryEntry: Sendable, Hashable {
    /// The message's URL, as the session's descriptor has it.
    public var url: String
    /// The message. Nil if another server keeps it: then it is to be loaded from the URL.
    public var message: Message?

    public init(url: String, message: Message? = nil) {
        self.url = url
        self.message = message
    }
}
