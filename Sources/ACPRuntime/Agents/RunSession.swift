// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// The session of a run as its handler sees it: the messages of earlier runs, and a state that agents share.
public struct RunSession: Sendable {
    /// The session's id.
    public let id: SessionID
    /// The principal of the run, to whom the session belongs if it belongs to no other.
    let principal: PrincipalID?
    let storage: any Storage
    let links: LinkReader
    let forwarded = ForwardedState()
    /// Throws if the run belongs to another process now.
    let checkOwner: @Sendable () async throws -> Void

    // MARK: State

    /// Returns the state of the session, or `nil` if none is stored.
    ///
    /// A session that was moved here from another server starts with the state that it had there. That state is loaded
    /// when it is requested, and remains on the other server until this session stores a state of its own.
    ///
    /// - Parameter type: The type to decode the state as.
    /// - Throws: ``ACPError`` if the state cannot be decoded as that type; ``StorageError``; ``LinkError`` if another
    ///   server keeps the state and it cannot be loaded.
    public func state<Value: Decodable>(as type: Value.Type = Value.self) async throws -> Value? {
        try await rawState().map { try decode(type, from: $0) }
    }

    private func decode<Value: Decodable>(_ type: Value.Type, from state: SessionState) throws(ACPError) -> Value {
        do {
            return try ACPJSON.decode(type, from: state.bytes)
        } catch {
            throw ACPError(.serverError, "the state of session \(id) is not what the agent expects: \(error.message)")
        }
    }

    /// Stores a value as the state, as JSON, replacing any other state.
    ///
    /// Use ``updateState(as:_:)`` where runs of one session may overlap.
    ///
    /// - Throws: ``ACPError`` if the value cannot be encoded; ``StorageError``; `CancellationError`.
    public func setState(_ value: some Encodable) async throws {
        try await setRawState(SessionState(bytes: try ACPJSON.encode(value)))
    }

    /// Changes the state without losing what another run stores at the same time.
    ///
    /// If another run was faster, `change` is called again with the newer state.
    ///
    /// ```swift
    /// let count = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
    /// ```
    ///
    /// - Parameters:
    ///   - type: The type to decode the state as.
    ///   - change: Returns the new state for the current one, which is `nil` if none is stored. It may be called
    ///     several times.
    /// - Returns: The state that was stored.
    /// - Throws: ``ACPError`` if the current state cannot be decoded as that type; ``StorageError``; ``LinkError`` if
    ///   another server keeps the state and it cannot be loaded; the errors that `change` throws.
    @discardableResult
    public func updateState<Value: Codable & Sendable>(
        as type: Value.Type = Value.self, _ change: @Sendable (Value?) throws -> Value
    ) async throws -> Value {
        try await changing { record in
            let old = try await state(of: record).map { try decode(type, from: $0) }
            let new = try change(old)
            record.state = SessionState(bytes: try ACPJSON.encode(new))
            return new
        }
    }

    /// Returns the state as the bytes that were stored, or `nil` if none is stored.
    ///
    /// - Throws: ``StorageError``; ``LinkError`` if another server keeps the state and it cannot be loaded.
    public func rawState() async throws -> SessionState? {
        guard let record = try await storage.session(id) else { return nil }
        return try await state(of: record)
    }

    private func state(of record: SessionRecord) async throws -> SessionState? {
        guard let url = record.forwardedState else { return record.state }
        return try await forwarded.state(at: url, with: links)
    }

    /// Stores bytes of any type as the state, replacing any other state. If `nil`, the state is removed.
    ///
    /// - Throws: ``StorageError``; `CancellationError`.
    public func setRawState(_ state: SessionState?) async throws {
        try await changing { $0.state = state }
    }

    private func changing<Result: Sendable>(
        _ change: (inout SessionRecord) async throws -> Result
    ) async throws -> Result {
        var backoff = Backoff(first: .milliseconds(2), limit: .milliseconds(200))
        while true {
            var record = try await storage.session(id) ?? SessionRecord(id: id)
            let result = try await change(&record)
            // From now on the state is kept here, even if there is none.
            record.forwardedState = nil
            record.addOriginKey()
            record.principal = record.principal ?? principal
            try await checkOwner()
            do {
                try await storage.save(record, expecting: record.version)
                return result
            } catch let error as StorageError where error.code == .conflict {
                try await Task.sleep(for: backoff.next())
            }
        }
    }

    // MARK: History

    /// Returns all messages of the session's completed runs, oldest first: of each run its input, then its output.
    ///
    /// Messages that another server keeps are loaded from there, one after the other.
    ///
    /// - Throws: ``StorageError``; ``LinkError`` if a message cannot be loaded, or may not be.
    public func history() async throws -> [Message] {
        var messages: [Message] = []
        for try await message in historyMessages() { messages.append(message) }
        return messages
    }

    /// Returns the messages of ``history()`` one by one. They are read page by page, so that a long history does not
    /// have to fit into memory.
    ///
    /// - Parameter pageSize: The largest number of messages that are read at once. Fewer are read if messages are
    ///   large. Defaults to 100.
    public func historyMessages(pageSize: Int = 100) -> AsyncThrowingStream<Message, any Error> {
        let reader = HistoryReader(session: self, pageSize: max(1, pageSize))
        return AsyncThrowingStream { try await reader.next() }
    }
}

private actor HistoryReader {
    private let session: RunSession
    private var pageSize: ChunkSize
    private var offset = 0
    private var page: ArraySlice<HistoryEntry> = []
    private var isLast = false

    init(session: RunSession, pageSize: Int) {
        self.session = session
        self.pageSize = ChunkSize(first: 16, limit: pageSize)
    }

    /// The approximate number of bytes of messages that are in memory at once.
    private static let pageBytes = 1_048_576

    func next() async throws -> Message? {
        if page.isEmpty, !isLast {
            let next = try await session.storage.history(
                of: session.id, from: offset, limit: pageSize.count, bytes: Self.pageBytes)
            pageSize.note(
                items: next.items.count, bytes: next.items.reduce(0) { $0 + $1.wholeSize }, wanted: Self.pageBytes)
            page = next.items[...]
            offset += next.items.count
            isLast = next.items.isEmpty || offset >= next.total
        }
        guard let entry = page.popFirst() else { return nil }
        switch entry {
        case .message(let message): return message
        case .link(let url): return try await session.links.message(at: url)
        }
    }
}
