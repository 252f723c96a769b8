// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// A stored session without its history, in decoded form.
public struct SessionRecord: Sendable, Hashable {
    /// The id of the session.
    public var id: SessionID
    /// The state that agents keep between the runs of the session.
    public var state: SessionState?
    /// The metadata that the application keeps with the session.
    public var metadata: JSONObject
    /// The number of times that the session was saved.
    public var version: Int
    /// Who the session belongs to. If `nil`, it belongs to no principal.
    ///
    /// A session is bound to a principal by the save that creates it: of several saves that expect version 0, one
    /// succeeds.
    public var principal: PrincipalID?

    /// Creates a record.
    ///
    /// - Parameters:
    ///   - id: The id of the session.
    ///   - state: The state that agents keep between the runs of the session. Defaults to `nil`.
    ///   - metadata: The metadata that the application keeps with the session. Defaults to none.
    ///   - version: The number of times that the session was saved. Defaults to 0.
    ///   - principal: Who the session belongs to. Defaults to `nil`: no principal.
    public init(
        id: SessionID, state: SessionState? = nil, metadata: JSONObject = [:], version: Int = 0,
        principal: PrincipalID? = nil
    ) {
        self.id = id
        self.state = state
        self.metadata = metadata
        self.version = version
        self.principal = principal
    }
}

/// A stored session without its history, in encoded form. ``SessionRecord`` is the decoded form.
public struct StoredSession: Sendable, Hashable {
    /// The id of the session.
    public var id: SessionID
    /// The state that agents keep between the runs of the session.
    public var state: SessionState?
    /// The metadata that the application keeps with the session.
    public var metadata: Encoded<JSONObject>
    /// The number of times that the session was saved.
    public var version: Int
    /// Who the session belongs to: see ``SessionRecord/principal``.
    public var principal: PrincipalID?

    /// Creates a stored session from all its properties.
    public init(
        id: SessionID, state: SessionState?, metadata: Encoded<JSONObject>, version: Int,
        principal: PrincipalID? = nil
    ) {
        self.id = id
        self.state = state
        self.metadata = metadata
        self.version = version
        self.principal = principal
    }

    /// Creates a stored session by encoding a session's metadata.
    ///
    /// - Throws: ``StorageError`` with code `refused` if the metadata hold a value that JSON cannot represent.
    public init(_ record: SessionRecord) throws(StorageError) {
        self.init(
            id: record.id, state: record.state,
            metadata: try Encoded(record.metadata, as: StoredDocument.session(record.id).description),
            version: record.version, principal: record.principal)
    }

    /// Returns the session with its metadata decoded.
    ///
    /// - Parameter what: The name of the document in the error message. Defaults to "the metadata of session ID".
    /// - Throws: ``StorageError`` with code `corruptData` if the metadata cannot be decoded.
    public func record(_ what: @autoclosure () -> String? = nil) throws(StorageError) -> SessionRecord {
        SessionRecord(
            id: id, state: state,
            metadata: try metadata.decode(what() ?? StoredDocument.session(id).description), version: version,
            principal: principal)
    }
}

/// The state of a session: bytes that an agent stored.
public struct SessionState: Sendable, Hashable {
    /// The bytes.
    public var bytes: [UInt8]
    /// The MIME type of the bytes.
    public var contentType: String

    /// Creates a state.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - contentType: The MIME type of the bytes. Defaults to `application/json`.
    public init(bytes: [UInt8], contentType: String = "application/json") {
        self.bytes = bytes
        self.contentType = contentType
    }
}

/// One entry of a session's history.
public enum HistoryEntry: Sendable, Hashable {
    /// A message of a run on this storage.
    case message(Message)
    /// The URL of a message that another server keeps: the session was on that server before.
    case link(String)
}

/// Entries that are appended to a session's history together, and only once.
public struct HistoryBlock: Sendable, Hashable {
    /// The key of the block. A block with a key that the history has already is not appended again.
    public var key: String
    /// The entries of the block, oldest first.
    public var entries: [Encoded<HistoryEntry>]
    /// The contents that the entries refer to. Stored in the same step as the block.
    public var contents: [StoredContent]

    /// Creates a block of encoded entries.
    ///
    /// - Parameters:
    ///   - key: The key of the block.
    ///   - entries: The entries, oldest first.
    ///   - contents: The contents that the entries refer to. Defaults to none.
    public init(key: String, encoded entries: [Encoded<HistoryEntry>], contents: [StoredContent] = []) {
        self.key = key
        self.entries = entries
        self.contents = contents
    }

    /// Creates a block by encoding its entries.
    ///
    /// - Parameters:
    ///   - key: The key of the block.
    ///   - entries: The entries, oldest first.
    ///   - contents: The contents that the entries refer to. Defaults to none.
    /// - Throws: ``StorageError`` with code `refused` if an entry holds a value that JSON cannot represent.
    public init(key: String, entries: [HistoryEntry], contents: [StoredContent] = []) throws(StorageError) {
        self.init(
            key: key,
            encoded: try entries.map { entry throws(StorageError) in
                try Encoded(entry, as: Self.entryName)
            }, contents: contents)
    }

    private static let entryName = "an entry of a session's history"

    /// Creates the block that a run appends to its session's history: its input, then its output.
    ///
    /// - Throws: ``StorageError`` with code `refused` if a message holds a value that JSON cannot represent.
    public init(run: RunID, input: [Message], output: [Message]) throws(StorageError) {
        var entries: [Encoded<HistoryEntry>] = []
        entries.reserveCapacity(input.count + output.count)
        for message in input { entries.append(try Encoded(.message(message), as: Self.entryName)) }
        for message in output { entries.append(try Encoded(.message(message), as: Self.entryName)) }
        self.init(key: "run:\(run)", encoded: entries)
    }

    /// Creates a block with the link to a message that another server keeps.
    ///
    /// The key is the URL without its signature, so that a link with a new signature is not appended again.
    ///
    /// - Throws: ``StorageError`` with code `refused`. Any text can be encoded, so this does not happen.
    public init(link url: String) throws(StorageError) {
        try self.init(key: "link:\(SessionLink(url).identity)", entries: [.link(url)])
    }
}
