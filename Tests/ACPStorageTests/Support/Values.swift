// SPDX-License-Identifier: Apache-2.0

import ACPCore

@testable import ACPStorage

// Methods with values instead of documents, without `await`, for storages in memory.

extension MemoryStorage {
    func record(of run: RunID) throws -> RunRecord? { try storedRun(run)?.record() }
    func runs(_ query: RunQuery) throws -> StoragePage<Run> { try storedRuns(query).map { try $0.record().run() } }
    func save(_ run: Run) throws { try save(run, json: ACPJSON.encode(run)) }
    func append(_ event: Event, to run: RunID) throws { try append(EncodedEvent(event), to: run) }
    func session(_ id: SessionID) throws -> SessionRecord? { try storedSession(id)?.record() }

    @discardableResult
    func save(_ session: SessionRecord, expecting version: Int?) throws -> Int {
        try save(StoredSession(session), expecting: version)
    }
}

extension RunTable {
    mutating func save(_ run: Run, now: ContinuousClock.Instant) throws {
        try save(run, json: ACPJSON.encode(run), now: now)
    }
}

extension RunEntry {
    convenience init(_ run: Run) { self.init(run, snapshot: []) }
}

extension LocalCoordination {
    @discardableResult
    func send(_ signal: RunSignal, to run: RunID) -> Bool {
        guard let signal = try? EncodedSignal(signal) else { preconditionFailure("the signal cannot be encoded") }
        return send(signal, to: run)
    }

    func signals(to run: RunID) -> [RunSignal] { storedSignals(to: run).compactMap { try? $0.decode("a signal") } }
}
