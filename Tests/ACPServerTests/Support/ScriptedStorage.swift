// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import ACPCore
import Synchronization

/// A memory storage that fails on demand, and counts its calls.
final class ScriptedStorage: Storage {
    enum Call: Hashable { case commit, record, events, sessions, ping, list, delete }

    let memory = MemoryStorage()
    let scripted: ScriptedCoordination
    private let isDurable: Bool
    private let state = Mutex(State())

    private struct State {
        var failures: [Call: StorageError] = [:]
        var furthestRead = 0
        var historyReads: [HistoryRead] = []
    }

    /// One call for a part of a history: from where, and how many entries came.
    struct HistoryRead: Hashable {
        var offset: Int
        var count: Int
    }

    init(isDurable: Bool = false) {
        self.isDurable = isDurable
        scripted = ScriptedCoordination(memory.coordination)
    }

    /// Lets calls of these kinds fail from now on; without an error, succeed again.
    func fail(_ calls: Set<Call>, with error: StorageError?) {
        state.withLock { state in
            for call in calls { state.failures[call] = error }
        }
    }

    /// The index of the last event that has been read.
    var furthestRead: Int { state.withLock { $0.furthestRead } }

    /// What was read of histories.
    var historyReads: [HistoryRead] { state.withLock { $0.historyReads } }

    private func check(_ call: Call) throws {
        if let error = state.withLock({ $0.failures[call] }) { throw error }
    }

    var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: isDurable, isShared: false, timeToLive: nil)
    }

    var coordination: any Coordination { scripted }

    func commit(_ commit: RunCommit) async throws {
        try check(.commit)
        try memory.commit(commit)
    }

    func storedRun(_ run: RunID) async throws -> StoredRun? {
        try check(.record)
        return try memory.storedRun(run)
    }

    func storedInput(of run: RunID) async throws -> Encoded<[Message]>? { try memory.storedInput(of: run) }
    func save(_ run: Run, json: [UInt8]) async throws { try memory.save(run, json: json) }
    func append(_ event: EncodedEvent, to run: RunID) async throws { try memory.append(event, to: run) }

    func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        try check(.delete)
        return try memory.deleteRun(run, forGood: forGood)
    }

    func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        try check(.list)
        return try memory.storedRuns(query)
    }

    func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        try check(.events)
        let events = try memory.events(of: run, from: offset, limit: limit)
        state.withLock { $0.furthestRead = max($0.furthestRead, offset + events.count) }
        return events
    }

    func eventCount(of run: RunID) async throws -> Int {
        try check(.events)
        return try memory.eventCount(of: run)
    }

    func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] { try memory.contents(keys) }

    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try memory.claim(run, for: owner, from: current)
    }

    func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try check(.list)
        return try memory.runs(ownedBy: process, limit: limit)
    }

    func storedSession(_ id: SessionID) async throws -> StoredSession? {
        try check(.sessions)
        return try memory.storedSession(id)
    }

    func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try check(.sessions)
        return try memory.save(session, expecting: version)
    }

    func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try check(.sessions)
        try memory.append(blocks, to: session)
    }

    func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        try check(.sessions)
        let page = try memory.storedHistory(of: session, from: offset, limit: limit)
        state.withLock { $0.historyReads.append(HistoryRead(offset: offset, count: page.items.count)) }
        return page
    }

    func deleteSession(_ session: SessionID) async throws -> Bool { try memory.deleteSession(session) }

    func ping() async throws -> Duration {
        try check(.ping)
        return try memory.ping()
    }

    func removeAll() async throws { try memory.removeAll() }
    func close() async throws { memory.close() }
}

/// Coordination that counts who watches.
final class ScriptedCoordination: Coordination {
    private let inner: any Coordination
    private let watching = Counter()

    init(_ inner: any Coordination) { self.inner = inner }

    /// How many readers watch runs that other processes execute.
    var watchers: Int { watching.value }

    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        try await inner.heartbeat(of: process, timeToLive: timeToLive)
    }

    func liveProcesses() async throws -> Set<ProcessID> { try await inner.liveProcesses() }
    func lostProcesses() async throws -> Set<ProcessID> { try await inner.lostProcesses() }
    func leave(_ process: ProcessID) async throws { try await inner.leave(process) }
    func forget(_ process: ProcessID) async throws { try await inner.forget(process) }
    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        try await inner.enqueue(run, in: session)
    }
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        try await inner.dequeue(run, from: session)
    }

    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        try await inner.send(signal, to: run)
    }

    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] { try await inner.storedSignals(to: run) }
    func forgetSignals(to run: RunID) async throws { try await inner.forgetSignals(to: run) }

    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        try await inner.announcements(to: process)
    }

    func changes(of run: RunID) async throws -> AsyncStream<Void> {
        let changes = try await inner.changes(of: run)
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let relay = Task {
            for await _ in changes { continuation.yield() }
            continuation.finish()
        }
        watching.add()
        continuation.onTermination = { [watching] _ in
            relay.cancel()
            watching.add(-1)
        }
        return stream
    }
}

extension StorageError {
    /// With a cause that must not be told to anybody outside.
    static var outage: StorageError {
        StorageError(.cannotConnect, "the test's storage is out of order", cause: Secret())
    }
}

/// A cause as a backend's client may give it.
struct Secret: Error, CustomStringConvertible {
    static let text = "redis://admin:hunter2@db"
    var description: String { Self.text }
}
