// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

extension ContentStorage {
    public func record(of run: RunID) async throws -> RunRecord? {
        try await whole {
            try await base.record(of: run)
        } references: { record in
            guard let record else { return nil }
            return Self.joined([
                Self.references(in: record.snapshot, of: .run(run)), Self.references(in: record.laterEvents, of: run),
            ])
        } restore: { record, found throws(StorageError) in
            guard var whole = record else { return nil }
            try found.restore(&whole.snapshot, of: .run(run))
            whole.laterEvents = try found.restored(whole.laterEvents, of: run)
            return whole
        }
    }

    public func input(of run: RunID) async throws -> [Message]? {
        try await whole {
            try await base.input(of: run)
        } references: { input in
            input.flatMap { Self.references(in: $0, of: .run(run)) }
        } restore: { input, found throws(StorageError) in
            guard var whole = input else { return nil }
            try found.restore(&whole, of: .run(run))
            return whole
        }
    }

    public func runs(_ query: RunQuery) async throws -> Page<Run> {
        try await whole {
            try await base.runs(query)
        } references: { page in
            Self.joined(page.items.map { Self.references(in: $0, of: .run($0.id)) })
        } restore: { page, found throws(StorageError) in
            var whole = page
            for index in whole.items.indices {
                try found.restore(&whole.items[index], of: .run(whole.items[index].id))
            }
            return whole
        }
    }

    public func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try await wholeEvents(of: run, from: offset, limit: limit, bytes: .max)
    }

    /// The same, until the events have so many bytes. At least one, if there is one.
    func wholeEvents(of run: RunID, from offset: Int, limit: Int?, bytes: Int) async throws -> [EncodedEvent] {
        try await whole {
            try await base.events(of: run, from: offset, limit: limit).prefix(bytes: bytes) { $0.wholeSize }
        } references: { events in
            Self.references(in: events, of: run)
        } restore: { events, found throws(StorageError) in
            try found.restored(events, of: run)
        }
    }

    public func history(of session: SessionID, from offset: Int, limit: Int?) async throws -> Page<HistoryEntry> {
        try await wholeHistory(of: session, from: offset, limit: limit, bytes: .max)
    }

    /// The same, until the entries have so many bytes. At least one, if there is one.
    func wholeHistory(
        of session: SessionID, from offset: Int, limit: Int?, bytes: Int
    ) async throws -> Page<HistoryEntry> {
        try await whole {
            var page = try await base.history(of: session, from: offset, limit: limit)
            page.items = page.items.prefix(bytes: bytes) { $0.wholeSize }
            return page
        } references: { page in
            Self.references(in: page.items, of: .session(session))
        } restore: { page, found throws(StorageError) in
            var whole = page
            try found.restore(&whole.items, of: .session(session))
            return whole
        }
    }

    // MARK: Steps

    /// Nil where there is nothing to restore, as nearly always; empty where only URLs have to get their own form back.
    private static func references(in values: some PartsHolder, of owner: ContentKey.Owner) -> [StoredReference]? {
        guard values.mayRefer else { return nil }
        return values.references.map { StoredReference(key: ContentKey(owner, $0.digest), size: $0.size) }
    }

    private static func references(in events: [EncodedEvent], of run: RunID) -> [StoredReference]? {
        joined(
            events.lazy.filter { ContentJSON.mayRefer($0.json) }.map { event in
                ContentJSON.references(in: event.json).map {
                    StoredReference(key: ContentKey(.run(run), $0.digest), size: $0.size)
                }
            })
    }

    private static func joined(_ parts: some Sequence<[StoredReference]?>) -> [StoredReference]? {
        var all: [StoredReference]?
        for case let part? in parts {
            if all == nil { all = part } else { all?.append(contentsOf: part) }
        }
        return all
    }

    /// Reads something, then the contents that it refers to, and puts it together.
    ///
    /// In between somebody may delete the run or the session, or it expires. Then all is read again, and is not there.
    private func whole<Value>(
        _ read: () async throws -> Value, references: (Value) -> [StoredReference]?,
        restore: (Value, FoundContents) throws(StorageError) -> Value
    ) async throws -> Value {
        for _ in 0..<Self.attempts - 1 {
            let value = try await read()
            guard let wanted = references(value) else { return value }
            let found = try await find(wanted)
            if found.missing == nil { return try restore(value, found) }
        }
        let value = try await read()
        guard let wanted = references(value) else { return value }
        return try restore(value, try await find(wanted))
    }

    private static let attempts = 3
    private static let contentsAtOnce = 256

    private func find(_ references: [StoredReference]) async throws -> FoundContents {
        var found = FoundContents()
        var wanted: [ContentKey] = []
        var size = 0
        for reference in Set(references).sorted(by: { $0.key.digest.rawValue < $1.key.digest.rawValue }) {
            if !wanted.isEmpty, wanted.count == Self.contentsAtOnce || size + reference.size > bytesAtOnce {
                found.add(wanted, try await base.contents(wanted))
                (wanted, size) = ([], 0)
            }
            wanted.append(reference.key)
            size += min(reference.size, bytesAtOnce)
        }
        if !wanted.isEmpty { found.add(wanted, try await base.contents(wanted)) }
        return found
    }
}

/// A reference, and with whom its content is.
private struct StoredReference: Hashable {
    let key: ContentKey
    let size: Int
}

/// What was found of what was asked for.
struct FoundContents {
    private var contents: [ContentKey: [UInt8]] = [:]
    private(set) var missing: ContentKey?

    fileprivate mutating func add(_ keys: [ContentKey], _ found: [[UInt8]?]) {
        for (key, bytes) in zip(keys, found) {
            if let bytes { contents[key] = bytes } else { missing = key }
        }
    }

    private func content(_ reference: ContentReference, of owner: ContentKey.Owner) throws(StorageError) -> [UInt8] {
        if let content = contents[ContentKey(owner, reference.digest)] { return content }
        throw StorageError(
            .corruptData,
            "a content of \(owner.name) is missing (\(reference.digest)): it was removed by hand, or the server that keeps it "
                + "evicts data before its time")
    }

    func restored(_ events: [EncodedEvent], of run: RunID) throws(StorageError) -> [EncodedEvent] {
        var whole = events
        for index in whole.indices where ContentJSON.mayRefer(whole[index].json) {
            let json = try ContentJSON.restore(whole[index].json) { reference throws(StorageError) in
                try content(reference, of: .run(run))
            }
            do throws(ACPError) {
                whole[index] = try EncodedEvent(json: json)
            } catch {
                throw StorageError(
                    .corruptData, "an event of run \(run) cannot be read: \(error.message)", cause: error)
            }
        }
        return whole
    }

    func restore(_ values: inout some PartsHolder, of owner: ContentKey.Owner) throws(StorageError) {
        guard values.mayRefer else { return }
        // The same content in several parts becomes one string.
        var texts: [ContentReference: String] = [:]
        try values.changeParts { part throws(StorageError) in
            try part.restore { reference throws(StorageError) in
                if let text = texts[reference] { return text }
                let text = try Self.text(content(reference, of: owner), of: owner)
                texts[reference] = text
                return text
            }
        }
    }

    /// The text that a stored content stands for.
    static func text(_ stored: [UInt8], of owner: ContentKey.Owner) throws(StorageError) -> String {
        guard stored.contains(UInt8(ascii: "\\")) else { return String(decoding: stored, as: UTF8.self) }
        let quote = UInt8(ascii: "\"")
        do throws(ACPError) {
            return try ACPJSON.decode(String.self, from: [quote] + stored + [quote])
        } catch {
            throw StorageError(
                .corruptData, "a content of \(owner.name) cannot be read: \(error.message)", cause: error)
        }
    }
}

extension ContentKey.Owner {
    fileprivate var name: String {
        switch self {
        case .run(let run): "run \(run)"
        case .session(let session): "session \(session)"
        }
    }
}
