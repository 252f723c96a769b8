// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// The session of a run, as its handler sees it: what was said before, and what agents remember.
public struct RunSession: Sendable {
    public let id: SessionID
    let storage: any Storage
    let links: LinkReader
    let forwarded = ForwardedState()
    /// Throws if the run belongs to another process by now.
    let checkOwner: @Sendable () async throws -> Void

    // MARK: State

    /// What was stored last, or nil if nothing was.
    ///
    /// A session that came from another server begins with the state that it had there. That is loaded when it is asked for,
    /// and stays there until this session stores one of its own.
    ///
    /// - Throws: ``ACPError`` if it does not have the shape of that type; ``StorageError``; ``LinkError`` if another server
    ///   keeps it and it cannot be loaded.
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

    /// Stores a value as JSON, whatever was there. Use ``updateState(as:_:)`` where runs of one session may overlap.
    public func setState(_ value: some Encodable) async throws {
        try await setRawState(SessionState(bytes: try ACPJSON.encode(value)))
    }

    /// Changes the state without losing what another run stores at the same time: if somebody was faster, the change is
    /// made again on what is there then.
    ///
    /// ```swift
    /// let count = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
    /// ```
    ///
    /// - Returns: What was stored.
    /// - Throws: ``ACPError`` if what is there does not have the shape of that type; ``StorageError``; ``LinkError`` if another
    ///   server keeps it and it cannot be loaded; what `change` throws.
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

    /// The state as the bytes that were stored, or nil.
    public func rawState() async throws -> SessionState? {
        guard let record = try await storage.session(id) else { return nil }
        return try await state(of: record)
    }

    private func state(of record: SessionRecord) async throws -> SessionState? {
        guard let url = record.forwardedState else { return record.state }
        return try await forwarded.state(at: url, with: links)
    }

    /// Stores bytes of any type, whatever was there. Nil removes the state.
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
            // From now on the state is kept here, also if that is none.
            record.forwardedState = nil
            record.addOriginKey()
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

    /// All messages of the session's completed runs, oldest first: of each run its input, then its output.
    ///
    /// Messages that another server keeps are loaded from there, when it is their turn.
    ///
    /// - Throws: ``StorageError``; ``LinkError`` if one of those cannot be loaded, or may not be.
    public func history() async throws -> [Message] {
        var messages: [Message] = []
        for try await message in historyMessages() { messages.append(message) }
        return messages
    }

    /// The same messages one by one, read page by page, so that a long history need not fit into memory.
    ///
    /// - Parameter pageSize: How many messages are read at once, at most. Where messages are large, fewer are.
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

    /// About how many bytes of messages are in memory at once.
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
