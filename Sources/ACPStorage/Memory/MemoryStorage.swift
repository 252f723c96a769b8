// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Synchronization

/// Storage in the memory of one process: the fastest, and gone when the process ends. For tests, for trying things
/// out, and for agents whose runs need not outlive a restart.
///
/// It is bounded in three ways. What has not been touched for ``Configuration/timeToLive`` expires. There are never
/// more than ``Configuration/runLimit`` runs: a new one pushes out the run that ended first, with its events and its
/// places in listings; if none has ended, the new one is refused with a ``StorageError`` of code `full`. And all runs and sessions
/// together never take more than ``Configuration/byteLimit`` bytes: what is written pushes out the ended runs, and the sessions, that
/// were used least recently; what there is no room for then is refused with code `full`, and leaves nothing behind.
///
/// ```swift
/// let server = ACPServer(storage: MemoryStorage(.init(timeToLive: .seconds(3600), runLimit: 1_000)))
/// ```
public final class MemoryStorage: Storage {
    /// What a memory storage keeps, and for how long.
    public struct Configuration: Sendable {
        /// How long a run is kept after its last update, and a session after its last use.
        public var timeToLive: Duration
        /// How many runs are kept.
        public var runLimit: Int
        /// How many sessions are kept. A new one pushes out the one that was used least recently.
        public var sessionLimit: Int
        /// How many bytes all runs and sessions may take together: events, snapshots, inputs, contents, history and states. It is
        /// an estimate of the memory that they need, including what Swift needs around them.
        ///
        /// The commit that ends a run is accepted even if there is no room, so that no run is left unfinished. Such a run is the
        /// next one to be pushed out.
        public var byteLimit: Int

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - timeToLive: Defaults to one day.
        ///   - runLimit: Defaults to 10,000.
        ///   - sessionLimit: Defaults to 10,000.
        ///   - byteLimit: Defaults to ``defaultByteLimit``, a quarter of the memory. At least 65,536.
        public init(
            timeToLive: Duration = .seconds(86_400), runLimit: Int = 10_000, sessionLimit: Int = 10_000,
            byteLimit: Int = Self.defaultByteLimit
        ) {
            self.timeToLive = timeToLive
            self.runLimit = max(1, runLimit)
            self.sessionLimit = max(1, sessionLimit)
            self.byteLimit = max(Self.smallestByteLimit, byteLimit)
        }
    }

    /// What this storage keeps, and for how long.
    public let configuration: Configuration
    let localCoordination: LocalCoordination
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var runs: RunTable
        var sessions: SessionTable
        let byteLimit: Int
        var isClosed = false

        /// Makes room for so many bytes more. Ended runs and sessions go, the one that was used least recently first.
        ///
        /// - Parameters:
        ///   - run: A run that stays.
        ///   - session: A session that stays.
        ///   - isRequired: Whether the caller goes on even if there is no room.
        /// - Throws: ``StorageError`` with code `full`. Nothing has gone then.
        mutating func makeRoom(
            for growth: Int, sparing run: RunID? = nil, _ session: SessionID? = nil, isRequired: Bool = false
        ) throws(StorageError) {
            guard growth > 0 else { return }
            let (taken, _) = (runs.bytes + sessions.bytes).addingReportingOverflow(growth)
            guard taken > byteLimit else { return }
            let freeable = runs.freeableBytes(except: run) + sessions.freeableBytes(except: session)
            guard isRequired || taken - freeable <= byteLimit else {
                throw StorageError(
                    .full,
                    "the memory storage has no room for \(growth) bytes more: unfinished runs take most of the \(byteLimit) "
                        + "that it may use. Raise its byteLimit, or use another storage")
            }
            while runs.bytes + sessions.bytes + growth > byteLimit {
                let ended = runs.oldestEnded(except: run)
                let unused = sessions.leastRecent(except: session)
                if let ended, ended.deadline <= unused?.deadline ?? ended.deadline {
                    runs.remove(ended.run)
                } else if let unused {
                    sessions.remove(unused.session)
                } else {
                    return
                }
            }
        }
    }

    public convenience init(_ configuration: Configuration = Configuration()) {
        self.init(configuration, now: { .now })
    }

    /// With a clock of the caller's, so that expiry can be tested without waiting.
    package init(_ configuration: Configuration, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.configuration = configuration
        self.now = now
        localCoordination = LocalCoordination(now: now)
        state = Mutex(
            State(
                runs: RunTable(timeToLive: configuration.timeToLive, limit: configuration.runLimit),
                sessions: SessionTable(timeToLive: configuration.timeToLive, limit: configuration.sessionLimit),
                byteLimit: configuration.byteLimit
            ))
    }

    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: false, isShared: false, timeToLive: configuration.timeToLive)
    }

    public var coordination: any Coordination { localCoordination }

    /// How much there is of each thing: for tests that nothing stays behind.
    var footprint: [String: Int] {
        let tables = state.withLock { [$0.runs.footprint, $0.sessions.footprint] }
        return (tables + [localCoordination.footprint]).reduce(into: [:]) { all, part in
            all.merge(part) { first, _ in first }
        }
    }

    /// What has left the tables. Freed where the last reference to this goes: outside the lock, since a large run takes its time.
    ///
    /// `@unchecked Sendable` because the tables have let go of these objects, and nobody else has ever had them.
    private struct Removed: @unchecked Sendable {
        let runs: [RunEntry]
        let sessions: [SessionEntry]
    }

    /// Runs a step on the tables as they stand now: without what has expired.
    private func access<Result: Sendable>(
        _ body: @Sendable (inout State, ContinuousClock.Instant) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        let (result, removed) = state.withLock { state -> (Swift.Result<Result, StorageError>, Removed?) in
            guard !state.isClosed else {
                return (.failure(StorageError(.closed, "the memory storage was closed")), nil)
            }
            let now = now()
            state.runs.removeExpired(now: now)
            state.sessions.removeExpired(now: now)
            let result: Swift.Result<Result, StorageError>
            do throws(StorageError) {
                result = .success(try body(&state, now))
            } catch {
                result = .failure(error)
            }
            return (result, Removed(runs: state.runs.takeRemoved(), sessions: state.sessions.takeRemoved()))
        }
        if let removed, !removed.runs.isEmpty { localCoordination.runsDidGoAway(removed.runs.map(\.id)) }
        return try result.get()
    }
}

// MARK: - Runs and events

extension MemoryStorage {
    public func commit(_ commit: RunCommit) throws {
        try access { state, now throws(StorageError) in
            // What was repeated has brought its block along the first time.
            // Checked under the lock: the sender of a cancel reads the run afterwards, and finds it ended if this commit was first.
            let isCancelled = commit.isRefusedAfterCancel && localCoordination.isCancelled(commit.run)
            guard let step = try state.runs.step(for: commit, isCancelled: isCancelled) else { return }
            if step.isCreation { try state.runs.checkRoomForRun() }
            let history = commit.history.map { state.sessions.growth(appending: $0) } ?? 0
            try state.makeRoom(
                for: step.growth + history, sparing: commit.run, commit.history?.session,
                isRequired: !step.isCreation && commit.snapshot?.run.status.isTerminal == true)
            if step.isCreation { try state.runs.makeRoomForRun() }
            state.runs.carryOut(step, of: commit, now: now)
            if let history = commit.history { state.sessions.append(history, now: now) }
        }
        localCoordination.runDidChange(commit.run)
    }

    public func storedRun(_ run: RunID) throws -> StoredRun? {
        try access { state, _ in state.runs[run]?.stored }
    }

    public func storedInput(of run: RunID) throws -> Encoded<[Message]>? {
        try access { state, _ in state.runs[run]?.input }
    }

    public func save(_ run: Run, json: [UInt8]) throws {
        try access { state, now throws(StorageError) in
            if state.runs[run.id] == nil { try state.runs.checkRoomForRun() }
            try state.makeRoom(for: state.runs.growth(saving: run.id, json: json), sparing: run.id)
            try state.runs.save(run, json: json, now: now)
        }
        localCoordination.runDidChange(run.id)
    }

    public func append(_ event: EncodedEvent, to run: RunID) throws {
        try access { state, now throws(StorageError) in
            if state.runs[run] != nil { try state.makeRoom(for: MemoryCost.of([event]), sparing: run) }
            try state.runs.append(event, to: run, now: now)
        }
        localCoordination.runDidChange(run)
    }

    @discardableResult
    public func deleteRun(_ run: RunID) throws -> Bool {
        try access { state, _ in state.runs.remove(run) }
    }

    public func storedRuns(_ query: RunQuery) throws -> StoragePage<StoredRun> {
        try access { state, _ in state.runs.page(query) }
    }

    public func events(of run: RunID, from offset: Int, limit: Int?) throws -> [EncodedEvent] {
        try access { state, _ in state.runs[run]?.events.slice(from: offset, limit: limit) ?? [] }
    }

    public func eventCount(of run: RunID) throws -> Int {
        try access { state, _ in state.runs[run]?.events.count ?? 0 }
    }

    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) throws -> Bool {
        try access { state, now in state.runs.claim(run, for: owner, from: current, now: now) }
    }

    public func runs(ownedBy process: ProcessID, limit: Int) throws -> [RunID] {
        try access { state, _ in state.runs.unfinished(ownedBy: process, limit: limit) }
    }
}

// MARK: - Sessions

extension MemoryStorage {
    public func storedSession(_ id: SessionID) throws -> StoredSession? {
        try access { state, _ in state.sessions[id]?.record }
    }

    @discardableResult
    public func save(_ session: StoredSession, expecting version: Int?) throws -> Int {
        try access { state, now throws(StorageError) in
            try state.sessions.check(session.id, expecting: version)
            try state.makeRoom(for: state.sessions.growth(saving: session), sparing: nil, session.id)
            return try state.sessions.save(session, expecting: version, now: now)
        }
    }

    public func append(_ blocks: [HistoryBlock], to session: SessionID) throws {
        try access { state, now throws(StorageError) in
            try state.makeRoom(for: state.sessions.growth(appending: blocks, to: session), sparing: nil, session)
            state.sessions.append(blocks, to: session, now: now)
        }
    }

    public func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) throws -> StoragePage<Encoded<HistoryEntry>> {
        try access { state, _ in
            let history = state.sessions[session]?.history ?? []
            return StoragePage(items: history.slice(from: offset, limit: limit), total: history.count)
        }
    }

    @discardableResult
    public func deleteSession(_ session: SessionID) throws -> Bool {
        try access { state, _ in state.sessions.remove(session) }
    }
}

// MARK: - Contents

extension MemoryStorage {
    public func contents(_ keys: [ContentKey]) throws -> [[UInt8]?] {
        try access { state, _ in
            keys.map { key in
                switch key.owner {
                case .run(let run): state.runs[run]?.contents[key.digest]
                case .session(let session): state.sessions[session]?.contents[key.digest]
                }
            }
        }
    }
}

// MARK: - The storage itself

extension MemoryStorage {
    public func ping() throws -> Duration {
        let start = ContinuousClock.now
        try access { _, _ in }
        return .now - start
    }

    public func removeAll() throws {
        try access { state, _ in
            state.runs.removeAll()
            state.sessions.removeAll()
        }
        localCoordination.forgetAllSignals()
    }

    public func close() {
        state.withLock { $0.isClosed = true }
    }
}

extension Array {
    /// The elements from an offset onward, at most `limit` of them; empty where the offset lies outside.
    func slice(from offset: Int, limit: Int?) -> [Element] {
        guard offset < count else { return [] }
        let start = Swift.max(0, offset)
        let end = limit.map { start + Swift.min(Swift.max(0, $0), count - start) } ?? count
        return start == 0 && end == count ? self : Array(self[start..<end])
    }
}
