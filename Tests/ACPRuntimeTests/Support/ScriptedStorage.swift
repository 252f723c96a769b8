// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// A storage that a test scripts: it fails, waits, or performs an operation and loses the reply.
final class ScriptedStorage: Storage {
    enum Fault: Sendable {
        /// The operation fails with this error, and has no effect.
        case failure(StorageError)
        /// The operation succeeds, but its reply is lost.
        case lostAnswer
    }

    /// The operations so far.
    struct Record: Sendable {
        /// Attempts to commit, including those that failed.
        var commits: [RunCommit] = []
        var historyAppends = 0
        var eventReads: [(offset: Int, limit: Int?)] = []
        var recordReads = 0
        var contentReads: [(count: Int, bytes: Int)] = []
        /// The largest number of concurrent commits of one run.
        var mostAtOnce = 0
        fileprivate var onTheirWay: [RunID: Int] = [:]
    }

    private struct Script {
        var commitFaults: [Int: Fault] = [:]
        var commitRule: (@Sendable (RunCommit) -> Fault?)?
        var historyFaults: [Int: Fault] = [:]
        var historyHold: Latch?
        var contentRule: (@Sendable () async throws -> Void)?
        var commitHold: Latch?
        var record = Record()
    }

    let base: any Storage
    let capabilities: StorageCapabilities
    let scriptedCoordination: ScriptedCoordination
    private let script = Mutex(Script())

    init(_ base: any Storage = MemoryStorage(), isDurable: Bool = false) {
        self.base = base
        scriptedCoordination = ScriptedCoordination(base.coordination)
        var capabilities = base.capabilities
        capabilities.isDurable = isDurable
        self.capabilities = capabilities
    }

    var coordination: any Coordination { scriptedCoordination }

    var record: Record { script.withLock { $0.record } }

    // MARK: Scripting

    /// Scripts the n-th attempt to commit, counted from 1.
    func onCommit(_ number: Int, _ fault: Fault) { script.withLock { $0.commitFaults[number] = fault } }

    /// Scripts every commit; nil lets it succeed.
    func onEveryCommit(_ rule: (@Sendable (RunCommit) -> Fault?)?) { script.withLock { $0.commitRule = rule } }

    /// Scripts the n-th commit that has a history block, counted from 1.
    func onHistoryAppend(_ number: Int, _ fault: Fault) { script.withLock { $0.historyFaults[number] = fault } }

    /// Is called before contents are read.
    func onContentRead(_ rule: (@Sendable () async throws -> Void)?) { script.withLock { $0.contentRule = rule } }

    /// Commits that start from now on wait until the latch opens.
    func holdCommits() -> Latch {
        let latch = Latch()
        script.withLock { $0.commitHold = latch }
        return latch
    }

    /// Appends to histories that start from now on wait until the latch opens.
    func holdHistory() -> Latch {
        let latch = Latch()
        script.withLock { $0.historyHold = latch }
        return latch
    }

    // MARK: Scripted operations

    func commit(_ commit: RunCommit) async throws {
        let (fault, hold) = script.withLock { script -> (Fault?, Latch?) in
            script.record.commits.append(commit)
            let onTheirWay = (script.record.onTheirWay[commit.run] ?? 0) + 1
            script.record.onTheirWay[commit.run] = onTheirWay
            script.record.mostAtOnce = max(script.record.mostAtOnce, onTheirWay)
            let fault = script.commitFaults[script.record.commits.count] ?? script.commitRule?(commit)
            guard commit.history != nil else { return (fault, script.commitHold) }
            script.record.historyAppends += 1
            return (
                script.historyFaults[script.record.historyAppends] ?? fault, script.historyHold ?? script.commitHold
            )
        }
        defer { script.withLock { $0.record.onTheirWay[commit.run, default: 1] -= 1 } }
        await hold?.wait()
        try await perform(fault) { try await base.commit(commit) }
    }

    func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        try await base.append(blocks, to: session)
    }

    private func perform(_ fault: Fault?, _ step: () async throws -> Void) async throws {
        switch fault {
        case .failure(let error): throw error
        case .lostAnswer:
            try await step()
            throw StorageError(.outcomeUnknown, "the answer was lost")
        case nil: try await step()
        }
    }

    func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        script.withLock { $0.record.eventReads.append((offset, limit)) }
        return try await base.events(of: run, from: offset, limit: limit)
    }

    func storedRun(_ run: RunID) async throws -> StoredRun? {
        script.withLock { $0.record.recordReads += 1 }
        return try await base.storedRun(run)
    }

    func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] {
        try await script.withLock { $0.contentRule }?()
        let found = try await base.contents(keys)
        let bytes = found.reduce(0) { $0 + ($1?.count ?? 0) }
        script.withLock { $0.record.contentReads.append((keys.count, bytes)) }
        return found
    }

    // MARK: Other operations

    func storedInput(of run: RunID) async throws -> Encoded<[Message]>? { try await base.storedInput(of: run) }
    func save(_ run: Run, json: [UInt8]) async throws { try await base.save(run, json: json) }
    func append(_ event: EncodedEvent, to run: RunID) async throws { try await base.append(event, to: run) }
    func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool { try await base.deleteRun(run, forGood: forGood) }
    func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> { try await base.storedRuns(query) }
    func eventCount(of run: RunID) async throws -> Int { try await base.eventCount(of: run) }
    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        try await base.claim(run, for: owner, from: current)
    }
    func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try await base.runs(ownedBy: process, limit: limit)
    }
    func storedSession(_ id: SessionID) async throws -> StoredSession? { try await base.storedSession(id) }
    func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        try await base.save(session, expecting: version)
    }
    func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        try await base.storedHistory(of: session, from: offset, limit: limit)
    }
    func deleteSession(_ session: SessionID) async throws -> Bool { try await base.deleteSession(session) }
    func ping() async throws -> Duration { try await base.ping() }
    func removeAll() async throws { try await base.removeAll() }
    func close() async throws { try await base.close() }
}

/// Coordination that can lose the reply to a signal, and suspend a run that passes its turn on.
final class ScriptedCoordination: Coordination {
    let base: any Coordination
    private let losesNextAnswer = Mutex(false)
    private let dequeueHold = Mutex<(reached: Latch, hold: Latch)?>(nil)

    init(_ base: any Coordination) { self.base = base }

    /// The next run that leaves a queue waits until the second latch opens. The first one opens when it has arrived.
    func holdNextDequeue() -> (reached: Latch, hold: Latch) {
        let latches = (reached: Latch(), hold: Latch())
        dequeueHold.withLock { $0 = latches }
        return latches
    }

    /// The next signal is stored, but its reply is lost.
    func loseNextAnswer() { losesNextAnswer.withLock { $0 = true } }

    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        let isFirst = try await base.send(signal, to: run)
        let isLost = losesNextAnswer.withLock { isLost in
            defer { isLost = false }
            return isLost
        }
        if isLost { throw StorageError(.outcomeUnknown, "the answer was lost") }
        return isFirst
    }

    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        try await base.heartbeat(of: process, timeToLive: timeToLive)
    }
    func liveProcesses() async throws -> Set<ProcessID> { try await base.liveProcesses() }
    func lostProcesses() async throws -> Set<ProcessID> { try await base.lostProcesses() }
    func leave(_ process: ProcessID) async throws { try await base.leave(process) }
    func forget(_ process: ProcessID) async throws { try await base.forget(process) }
    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        try await base.enqueue(run, in: session)
    }
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        if let (reached, hold) = dequeueHold.withLock({ $0.take() }) {
            reached.open()
            await hold.wait()
        }
        return try await base.dequeue(run, from: session)
    }
    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] { try await base.storedSignals(to: run) }
    func forgetSignals(to run: RunID) async throws { try await base.forgetSignals(to: run) }
    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        try await base.announcements(to: process)
    }
    func changes(of run: RunID) async throws -> AsyncStream<Void> { try await base.changes(of: run) }
}
