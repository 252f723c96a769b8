// SPDX-License-Identifier: Apache-2.0

/// A session as servers describe it to clients and to other servers: the URLs of its messages and of its state.
public struct SessionDescriptor: Sendable, Hashable {
    /// The id of the session.
    public var id: SessionID
    /// One URL per message, oldest first. Each returns a message as JSON.
    public var history: [String]
    /// The URL of the session's state. If `nil`, the session has no state.
    public var state: String?

    /// Creates a description of a session.
    ///
    /// - Parameters:
    ///   - id: The id of the session. Defaults to a new one.
    ///   - history: One URL per message, oldest first. Defaults to none.
    ///   - state: The URL of the session's state. Defaults to `nil`.
    public init(id: SessionID = SessionID(), history: [String] = [], state: String? = nil) {
        self.id = id
        self.history = history
        self.state = state
    }
}
