// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

extension ContentStorage {
    package func storedRun(_ run: RunID) async throws -> StoredRun? {
        try await restoring {
            try await base.storedRun(run)
        } references: { found in
            found.flatMap { Self.references(in: $0) }
        } restore: { found, contents throws(StorageError) in
            guard let found else { return nil }
            return try contents.restored(found)
        }
    }

    package func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        try await restoring {
            try await base.storedInput(of: run)
        } references: { input in
            input.flatMap { Self.references(in: [$0.json], of: .run(run)) }
        } restore: { input, contents throws(StorageError) in
            guard let input else { return nil }
            return try contents.restored(input, of: .run(run))
        }
    }

    package func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        try await restoringPage { try await base.storedRuns(query) }
    }

    package func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> {
        try await restoringPage { try await base.storedRuns(query) }
    }

    private func restoringPage(
        _ read: () async throws -> StoragePage<StoredRun>
    ) async throws -> StoragePage<StoredRun> {
        try await restoring(read) { page in
            page.items.reduce(nil as [StoredReference]?) { all, run in
                guard let found = Self.references(in: run) else { return all }
                return (all ?? []) + found
            }
        } restore: { page, contents throws(StorageError) in
            try page.map { run throws(StorageError) in try contents.restored(run) }
        }
    }

    package func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try await wholeEvents(of: run, from: offset, limit: limit, bytes: .max)
    }

    /// Returns events up to a number of bytes, but at least one if there is one.
    func wholeEvents(of run: RunID, from offset: Int, limit: Int?, bytes: Int) async throws -> [EncodedEvent] {
        try await restoring {
            try await base.events(of: run, from: offset, limit: limit).prefix(bytes: bytes) {
                ContentJSON.wholeSize(of: $0.json)
            }
        } references: { events in
            Self.references(in: events.lazy.map(\.json), of: .run(run))
        } restore: { events, contents throws(StorageError) in
            try contents.restored(events, of: run)
        }
    }

    package func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        try await wholeHistory(of: session, from: offset, limit: limit, bytes: .max)
    }

    /// Returns entries up to a number of bytes, but at least one if there is one.
    func wholeHistory(
        of session: SessionID, from offset: Int, limit: Int?, bytes: Int
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        try await restoring {
            var page = try await base.storedHistory(of: session, from: offset, limit: limit)
            page.items = page.items.prefix(bytes: bytes) { ContentJSON.wholeSize(of: $0.json) }
            return page
        } references: { page in
            Self.references(in: page.items.lazy.map(\.json), of: .session(session))
        } restore: { page, contents throws(StorageError) in
            try page.map { entry throws(StorageError) in try contents.restored(entry, of: .session(session)) }
        }
    }

    // MARK: Steps

    /// Returns `nil` if there is nothing to restore, as nearly always; empty if only escaped URLs are to be restored.
    private static func references(
        in documents: some Sequence<[UInt8]>, of owner: ContentKey.Owner
    ) -> [StoredReference]? {
        var all: [StoredReference]?
        for json in documents where ContentJSON.canContainReferences(json) {
            all =
                (all ?? [])
                + ContentJSON.references(in: json).map {
                    StoredReference(key: ContentKey(owner, $0.digest), size: $0.size)
                }
        }
        return all
    }

    private static func references(in run: StoredRun) -> [StoredReference]? {
        references(in: [run.snapshot.json] + run.laterEvents.map(\.json), of: .run(run.id))
    }

    /// Reads a value, then the contents that it refers to, and restores them in it.
    ///
    /// The run or the session may be deleted, or expire, in between. Then the value is read again, and is not found.
    private func restoring<Value>(
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

/// A reference, and the owner of its content.
private struct StoredReference: Hashable {
    let key: ContentKey
    let size: Int
}

/// The contents that were found.
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
            "a content of \(owner.name) is missing (\(reference.digest)): it was removed by hand, or the storage "
                + "server evicts data before it expires")
    }

    private func restored(_ json: [UInt8], of owner: ContentKey.Owner) throws(StorageError) -> [UInt8] {
        try ContentJSON.restore(json) { reference throws(StorageError) in try content(reference, of: owner) }
    }

    func restored<Value>(
        _ document: Encoded<Value>, of owner: ContentKey.Owner
    ) throws(StorageError) -> Encoded<Value> {
        guard ContentJSON.canContainReferences(document.json) else { return document }
        return Encoded(json: try restored(document.json, of: owner))
    }

    func restored(_ run: StoredRun) throws(StorageError) -> StoredRun {
        var whole = run
        whole.snapshot = try restored(run.snapshot, of: .run(run.id))
        whole.laterEvents = try restored(run.laterEvents, of: run.id)
        return whole
    }

    func restored(_ events: [EncodedEvent], of run: RunID) throws(StorageError) -> [EncodedEvent] {
        var whole = events
        for index in whole.indices where ContentJSON.canContainReferences(whole[index].json) {
            whole[index] = try EncodedEvent(
                stored: try restored(whole[index].json, of: .run(run)), as: "an event of run \(run)")
        }
        return whole
    }

    /// Returns the text that a stored content represents.
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
