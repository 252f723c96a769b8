// SPDX-License-Identifier: Apache-2.0

/// A session as servers describe it to clients and to each other: where its messages and its state can be read.
public struct SessionDescriptor: Sendable, Hashable {
    public var id: SessionID
    /// One URL per message, oldest first. Each answers with a message as JSON.
    public var history: [String]
    /// Where the state can be read. Nil if there is none.
    public var state: String?

    public init(id: SessionID = SessionID(), history: [String] = [], state: String? = nil) {
        self.id = id
        self.history = history
        self.state = state
    }
}
