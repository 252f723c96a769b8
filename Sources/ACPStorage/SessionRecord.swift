// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// What is stored of a session besides its history.
public struct SessionRecord: Sendable, Hashable {
    public var id: SessionID
    /// What agents remember between the runs of the session.
    public var state: SessionState?
    /// Anything that the application wants to keep with the session.
    public var metadata: JSONObject
    /// Counts the saves: 1 after the first.
    public var version: Int

    public init(id: SessionID, state: SessionState? = nil, metadata: JSONObject = [:], version: Int = 0) {
        self.id = id
        self.state = state
        self.metadata = metadata
        self.version = version
    }
}

/// A session as storage has it, with its documents in bytes. See ``SessionRecord`` for what it means.
public struct StoredSession: Sendable, Hashable {
    public var id: SessionID
    public var state: SessionState?
    public var metadata: Encoded<JSONObject>
    public var version: Int

    public init(id: SessionID, state: SessionState?, metadata: Encoded<JSONObject>, version: Int) {
        self.id = id
        self.state = state
        self.metadata = metadata
        self.version = version
    }

    /// Encodes a session's metadata.
    ///
    /// - Throws: ``StorageError`` with code `refused` if they hold something that JSON cannot.
    public init(_ record: SessionRecord) throws(StorageError) {
        self.init(
            id: record.id, state: record.state,
            metadata: try Encoded(record.metadata, as: StoredDocument.session(record.id).description),
            version: record.version)
    }

    /// Decodes the metadata.
    ///
    /// - Parameter what: What the document is called in the error message. Defaults to "the metadata of session ID".
    /// - Throws: ``StorageError`` with code `corruptData` if they cannot be read.
    public func record(_ what: @autoclosure () -> String? = nil) throws(StorageError) -> SessionRecord {
        SessionRecord(
            id: id, state: state,
            metadata: try metadata.decode(what() ?? StoredDocument.session(id).description), version: version)
    }
}

/// A session's state: the bytes that an agent stored, as it stored them.
public struct SessionState: Sendable, Hashable {
    public var bytes: [UInt8]
    public var contentType: String

    public init(bytes: [UInt8], contentType: String = "application/json") {
        self.bytes = bytes
        self.contentType = contentType
    }
}

/// One entry of a session's history.
public enum HistoryEntry: Sendable, Hashable {
    /// A message that was said in a run on this storage.
    case message(Message)
    /// The URL of a message that another server keeps: the session was there before it came here.
    case link(String)
}

/// Entries that go into a session's history together, and once.
public struct HistoryBlock: Sendable, Hashable {
    /// A block with a key that the history has already is not appended again.
    public var key: String
    public var entries: [Encoded<HistoryEntry>]
    /// What the entries refer to. Stored in the same step, if the block is.
    public var contents: [StoredContent]

    public init(key: String, encoded entries: [Encoded<HistoryEntry>], contents: [StoredContent] = []) {
        self.key = key
        self.entries = entries
        self.contents = contents
    }

    /// Encodes the entries of a block.
    ///
    /// - Throws: ``StorageError`` with code `refused` if an entry holds something that JSON cannot.
    public init(key: String, entries: [HistoryEntry], contents: [StoredContent] = []) throws(StorageError) {
        self.init(
            key: key,
            encoded: try entries.map { entry throws(StorageError) in
                try Encoded(entry, as: Self.entryName)
            }, contents: contents)
    }

    private static let entryName = "an entry of a session's history"

    /// What a run leaves in its session: its input, then its output.
    ///
    /// - Throws: ``StorageError`` with code `refused` if a message holds something that JSON cannot.
    public init(run: RunID, input: [Message], output: [Message]) throws(StorageError) {
        var entries: [Encoded<HistoryEntry>] = []
        entries.reserveCapacity(input.count + output.count)
        for message in input { entries.append(try Encoded(.message(message), as: Self.entryName)) }
        for message in output { entries.append(try Encoded(.message(message), as: Self.entryName)) }
        self.init(key: "run:\(run)", encoded: entries)
    }

    /// A message that another server keeps. The same URL with another signature is the same message.
    ///
    /// - Throws: ``StorageError`` with code `refused`. Any text can be encoded, so that does not happen.
    public init(link url: String) throws(StorageError) {
        try self.init(key: "link:\(SessionLink(url).identity)", entries: [.link(url)])
    }
}
