// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Synchronization

/// A storage in the memory of one process, for tests, for experiments, and for agents whose runs need not survive a
/// restart.
///
/// It is the fastest storage. Its data are lost when the process ends. Its size is limited in three ways:
///
/// - Runs and sessions expire after ``Configuration/timeToLive``.
/// - There are at most ``Configuration/runLimit`` runs. A new one evicts the run that ended first. If no run has ended,
///   the new one is refused with a ``StorageError`` of code `full`.
/// - All runs and sessions together take at most ``Configuration/byteLimit`` bytes. A write evicts the ended runs and
///   the sessions that were used least recently. If there is still no room, it is refused with code `full`, and nothing
///   of it is stored.
///
/// ```swift
/// let server = ACPServer(storage: try MemoryStorage(.init(timeToLive: .seconds(3600), runLimit: 1_000)))
/// ```
public final class MemoryStorage: Storage {
    /// The limits of a memory storage.
    public struct Configuration: Sendable {
        /// How long a run is kept after its last update, and a session after its last use.
        public var timeToLive: Duration
        /// The maximum number of runs.
        public var runLimit: Int
        /// The maximum number of sessions. A new one evicts the least recently used one.
        public var sessionLimit: Int
        /// The maximum number of bytes of all runs and sessions: events, snapshots, inputs, contents, histories and
        /// states.
        ///
        /// The number is an estimate of the memory that they require, including Swift's overhead.
        ///
        /// The commit that ends a run is accepted even if there is no room, so that no run remains unfinished. Such a
        /// run is the next one to be evicted.
        public var byteLimit: Int

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - timeToLive: How long a run is kept after its last update, and a session after its last use. Defaults to
        ///     one day.
        ///   - runLimit: The maximum number of runs, at least 1. Defaults to 10,000.
        ///   - sessionLimit: The maximum number of sessions, at least 1. Defaults to 10,000.
        ///   - byteLimit: The maximum number of bytes, at least 65,536. Defaults to ``defaultByteLimit``, a quarter of
        ///     the memory.
        public init(
            timeToLive: Duration = .seconds(86_400), runLimit: Int = 10_000, sessionLimit: Int = 10_000,
            byteLimit: Int = Self.defaultByteLimit
        ) {
            self.timeToLive = timeToLive
            self.runLimit = runLimit
            self.sessionLimit = sessionLimit
            self.byteLimit = byteLimit
        }

        /// Checks the limits. A storage does so when it is created.
        ///
        /// - Throws: ``StorageError`` with code `invalidConfiguration` if a limit is out of its range.
        public func validate() throws(StorageError) {
            guard timeToLive > .zero, runLimit >= 1, sessionLimit >= 1, byteLimit >= Self.smallestByteLimit
            else {
                throw StorageError(
                    .invalidConfiguration,
                    "the limits of the memory storage are not valid: timeToLive must be positive, runLimit and sessionLimit at "
                        + "least 1, and byteLimit at least \(Self.smallestByteLimit)")
            }
        }
    }

    /// The limits of this storage.
    public let configuration: Configuration
    let localCoordination: LocalCoordination
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var runs: RunTable
        var sessions: SessionTable
        let byteLimit: Int
        var isClosed = false

        /// Evicts ended runs and sessions, the least recently used ones first, until there is room for a number of
        /// bytes.
        ///
        /// - Parameters:
        ///   - growth: The number of bytes.
        ///   - run: A run that is not evicted.
        ///   - session: A session that is not evicted.
        ///   - isRequired: Whether the caller continues even if there is no room.
        /// - Throws: ``StorageError`` with code `full`. Nothing was evicted then.
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
                    "the memory storage has no room for \(growth) more bytes: unfinished runs use most of its limit of "
                        + "\(byteLimit). Raise its byteLimit, or use another storage")
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

    /// Creates an empty storage with the default limits.
    public convenience init() {
        self.init(Configuration(), now: { .now })
    }

    /// Creates an empty storage.
    ///
    /// - Parameter configuration: The limits of the storage.
    /// - Throws: ``StorageError`` with code `invalidConfiguration` if a limit is out of its range.
    public convenience init(_ configuration: Configuration) throws(StorageError) {
        try configuration.validate()
        self.init(configuration, now: { .now })
    }

    /// Creates an empty storage with another clock, so that expiry can be tested without waiting.
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

    /// Neither durable nor shared, with a time to live.
    public var capabilities: StorageCapabilities {
        StorageCapabilities(isDurable: false, isShared: false, timeToLive: configuration.timeToLive)
    }

    /// The coordination within this process.
    public var coordination: any Coordination { localCoordination }

    /// The number of objects of each kind, for tests that nothing is left behind.
    var footprint: [String: Int] {
        let tables = state.withLock { [$0.runs.footprint, $0.sessions.footprint] }
        return (tables + [localCoordination.footprint]).reduce(into: [:]) { all, part in
            all.merge(part) { first, _ in first }
        }
    }

    /// Entries that were removed from the tables. They are freed outside the lock, since freeing a large run takes some
    /// time.
    ///
    /// `@unchecked Sendable` because the tables no longer refer to these objects, and nothing else ever did.
    private struct Removed: @unchecked Sendable {
        let runs: [RunEntry]
        let sessions: [SessionEntry]
    }

    /// Performs an operation on the tables, after removing what has expired.
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
        if let removed, !removed.runs.isEmpty { localCoordination.runsWereRemoved(removed.runs.map(\.id)) }
        return try result.get()
    }
}

// MARK: - Runs and events

extension MemoryStorage {
    /// Applies a commit under the lock of the storage: see ``Storage/commit(_:)``.
    public func commit(_ commit: RunCommit) throws {
        try access { state, now throws(StorageError) in
            // Signals are looked for under the lock: the sender of one reads the run afterwards, and finds it ended if
            // this commit was first. The first attempt of a repeated commit has appended the block already.
            let step = try state.runs.step(for: commit, now: now) {
                localCoordination.hasSignal($0, to: commit.run)
            }
            guard let step else { return }
            if step.isCreation { try state.runs.checkRoomForRun() }
            let history = commit.history.map { state.sessions.growth(appending: $0) } ?? 0
            try state.makeRoom(
                for: step.growth + history, sparing: commit.run, commit.history?.session,
                isRequired: !step.isCreation && commit.snapshot?.run.status.isTerminal == true)
            if step.isCreation { try state.runs.makeRoomForRun() }
            state.runs.apply(step, of: commit, now: now)
            if let history = commit.history { state.sessions.append(history, now: now) }
        }
        localCoordination.runDidChange(commit.run)
    }

    /// Returns a run, or `nil` if there is no such run.
    public func storedRun(_ run: RunID) throws -> StoredRun? {
        try access { state, _ in state.runs[run]?.stored }
    }

    /// Returns the input of a run, or `nil` if there is none.
    public func storedInput(of run: RunID) throws -> Encoded<[Message]>? {
        try access { state, _ in state.runs[run]?.input }
    }

    /// Saves a run as the snapshot that covers all its events.
    public func save(_ run: Run, json: [UInt8]) throws {
        try access { state, now throws(StorageError) in
            if state.runs[run.id] == nil { try state.runs.checkRoomForRun() }
            try state.makeRoom(for: state.runs.growth(saving: run.id, json: json), sparing: run.id)
            try state.runs.save(run, json: json, now: now)
        }
        localCoordination.runDidChange(run.id)
    }

    /// Appends an event to a run.
    public func append(_ event: EncodedEvent, to run: RunID) throws {
        try access { state, now throws(StorageError) in
            if state.runs[run] != nil { try state.makeRoom(for: MemoryCost.of([event]), sparing: run) }
            try state.runs.append(event, to: run, now: now)
        }
        localCoordination.runDidChange(run)
    }

    /// Deletes a run, which may be created again at once, and returns whether it existed.
    @discardableResult
    public func deleteRun(_ run: RunID) throws -> Bool { try deleteRun(run, forGood: false) }

    /// Deletes a run, and returns whether it existed.
    ///
    /// With `forGood`, commits cannot create it again for ``RunCommit/deletionPeriod``.
    @discardableResult
    public func deleteRun(_ run: RunID, forGood: Bool) throws -> Bool {
        try access { state, now in forGood ? state.runs.removeForGood(run, now: now) : state.runs.remove(run) }
    }

    /// Returns one page of runs, newest first, and the total number of runs.
    public func storedRuns(_ query: RunQuery) throws -> StoragePage<StoredRun> {
        try access { state, _ in state.runs.page(query) }
    }

    /// Returns one page of an agent's runs in the order in which their status changed, and the total number of runs.
    public func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun> {
        try access { state, _ in state.runs.page(query) }
    }

    /// Returns the events of a run from an index onward, oldest first.
    public func events(of run: RunID, from offset: Int, limit: Int?) throws -> [EncodedEvent] {
        try access { state, _ in state.runs[run]?.events.slice(from: offset, limit: limit) ?? [] }
    }

    /// Returns the number of events of a run, or 0 if there is no such run.
    public func eventCount(of run: RunID) throws -> Int {
        try access { state, _ in state.runs[run]?.events.count ?? 0 }
    }

    /// Makes a process the owner of a run if the run has the expected owner, and returns whether it does.
    public func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) throws -> Bool {
        try access { state, now in state.runs.claim(run, for: owner, from: current, now: now) }
    }

    /// Returns the unfinished runs that a process owns, at most `limit` of them.
    public func runs(ownedBy process: ProcessID, limit: Int) throws -> [RunID] {
        try access { state, _ in state.runs.unfinished(ownedBy: process, limit: limit) }
    }
}

// MARK: - Sessions

extension MemoryStorage {
    /// Returns a session as it was last saved, or `nil` if it was never saved.
    public func storedSession(_ id: SessionID) throws -> StoredSession? {
        try access { state, _ in state.sessions[id]?.record }
    }

    /// Saves a session if it has the expected version, and returns its new version.
    @discardableResult
    public func save(_ session: StoredSession, expecting version: Int?) throws -> Int {
        try access { state, now throws(StorageError) in
            try state.sessions.check(session.id, expecting: version)
            try state.makeRoom(for: state.sessions.growth(saving: session), sparing: nil, session.id)
            return try state.sessions.save(session, expecting: version, now: now)
        }
    }

    /// Appends blocks to a session's history. Blocks that the history has already are skipped.
    public func append(_ blocks: [HistoryBlock], to session: SessionID) throws {
        try access { state, now throws(StorageError) in
            try state.makeRoom(for: state.sessions.growth(appending: blocks, to: session), sparing: nil, session)
            state.sessions.append(blocks, to: session, now: now)
        }
    }

    /// Returns one page of a session's history, oldest first, and the total number of entries.
    public func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) throws -> StoragePage<Encoded<HistoryEntry>> {
        try access { state, _ in
            let history = state.sessions[session]?.history ?? []
            return StoragePage(items: history.slice(from: offset, limit: limit), total: history.count)
        }
    }

    /// Deletes a session with its history, and returns whether it existed.
    @discardableResult
    public func deleteSession(_ session: SessionID) throws -> Bool {
        try access { state, _ in state.sessions.remove(session) }
    }
}

// MARK: - Contents

extension MemoryStorage {
    /// Returns contents in the order of their keys, with `nil` for each that is not stored.
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
    /// Returns the duration of an access to the storage.
    public func ping() throws -> Duration {
        let start = ContinuousClock.now
        try access { _, _ in }
        return .now - start
    }

    /// Deletes all runs and sessions.
    public func removeAll() throws {
        try access { state, _ in
            state.runs.removeAll()
            state.sessions.removeAll()
        }
        localCoordination.forgetAllSignals()
    }

    /// Closes the storage: all other calls throw an error with code `closed` from now on.
    public func close() {
        state.withLock { $0.isClosed = true }
    }
}

extension Array {
    /// Returns the elements from an offset onward, at most `limit` of them. Returns none if the offset is beyond the
    /// end.
    func slice(from offset: Int, limit: Int?) -> [Element] {
        guard offset < count else { return [] }
        let start = Swift.max(0, offset)
        let end = limit.map { start + Swift.min(Swift.max(0, $0), count - start) } ?? count
        return start == 0 && end == count ? self : Array(self[start..<end])
    }
}
