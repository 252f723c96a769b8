// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// A fault of a storage.
enum Fault: CaseIterable, Sendable {
    case acceptsOldOwners
    case comparesProcessesOnly
    case acceptsEveryClaim
    case refusesRepeatedCommits
    case storesRepeatedCommitsTwice
    case ignoresExpectedCounts
    case tearsCommits
    case failsCommitsBesideARefusedOne
    case acceptsRefusedCommitsBesideOthers
    case reencodesEvents
    case acceptsNegativeNumbers
    case losesTheFirstLaterEvent
    case countsThePageAsTotal
    case listsOldestFirst
    case repeatsRunsAcrossPages
    case forgetsToUnlistEndedRuns
    case ordersChangesByCreation
    case movesRunsThatContinue
    case confusesDetailedStatuses
    case ignoresSessionsOfChanges
    case ignoresTimesOfChanges
    case skipsEqualChanges
    case pagesChangesByNumber
    case countsRunsAfterThePosition
    case countsFormerStatuses
    case countsDeletedRuns
    case countsExpiredRuns
    case ignoresPrincipals
    case ignoresPrincipalsOfAgents
    case ignoresPrincipalsOfSessions
    case ignoresPrincipalsOfStatuses
    case ignoresPrincipalsOfChanges
    case ignoresPrincipalsOfChangesInSessions
    case selectsPrincipalsOnPages
    case selectsPrincipalsOnPagesOfChanges
    case countsRunsOfOtherPrincipals
    case countsChangesOfOtherPrincipals
    case listsPrincipalsOldestFirst
    case givesEveryoneRunsWithoutPrincipal
    case listsOnlyRunsWithoutPrincipal
    case ignoresCaseOfPrincipals
    case normalizesPrincipals
    case confusesBeginningsOfPrincipals
    case forgetsPrincipalsOfEndedRuns
    case forgetsPrincipalsOfClaimedRuns
    case keepsFormerPrincipals
    case keepsFormerStatusesOfPrincipals
    case keepsDeletedRunsOfPrincipals
    case keepsExpiredRunsOfPrincipals
    case keepsRunsOfPrincipalsOnRemoveAll
    case losesPrincipalsOfSessions
    case losesPrincipalsOfLaterSaves
    case letsEveryPrincipalCreateSessions
    case keepsPrincipalsOfDeletedSessions
    case forgetsDeletions
    case deletesAlwaysForGood
    case leavesInputBehind
    case leavesSignalsBehind
    case ignoresCancelSignals
    case checksForCancelSignalsTooEarly
    case refusesAllCommitsAfterACancel
    case ignoresAnswers
    case checksForAnswersTooEarly
    case refusesAllEndsAfterAnAnswer
    case losesContentsOfLaterCommits
    case storesContentsOfRefusedCommits
    case leavesContentsBehind
    case confusesOwnersOfContents
    case storesRepeatedBlocksTwice
    case tearsBlocks
    case forgetsBlocksOfCommits
    case appendsBlocksOfCommitsLater
    case appendsBlocksOfRefusedCommits
    case appendsBlocksOfRepeatedCommitsTwice
    case refusesCommitsWithKnownBlocks
    case tearsBlocksOfCommits
    case givesContentsOfBlocksToRuns
    case ignoresCommitsAsUseOfSessions
    case ignoresSessionVersions
    case keepsStateAsText
    case ignoresCaseOfIDs
    case keepsTheLastSignal
    case neverWakes
    case neverAnnounces
    case keepsProcessesAlive
    case omitsLostProcesses
    case givesAllRunsTheTurn
    case neverExpires
    case keepsSessionsOnRemoveAll
    case removesForeignData
    case worksWhenClosed
}

/// A memory storage with one fault, to test that the suite finds it. Without a fault it only forwards calls.
final class FaultyStorage: Storage {
    let base: MemoryStorage
    let fault: Fault?
    private let local: FaultyCoordination
    private let inputs = Mutex<[RunID: Encoded<[Message]>]>([:])
    private let contents = Mutex<[ContentKey: [UInt8]]>([:])
    private let blocks = Mutex<Set<String>>([])
    /// Blocks that were committed without counting as a use of their sessions.
    private let unused = Mutex<[SessionID: [Encoded<HistoryEntry>]]>([:])
    private let onRemoveAll: @Sendable () -> Void
    /// Runs that faults of totals still count: all that were committed.
    let counted = Mutex<[RunID: [Run]]>([:])
    /// The number of runs up to a position, for a fault of pages.
    let offsets = Mutex<[RunStatusQuery.Position: Int]>([:])
    /// The commits in progress, for faults of groups.
    let group = Mutex(CommitGroup())
    /// What faults of principals remember.
    let principals = Mutex(PrincipalMemory())

    init(
        _ fault: Fault?, base: MemoryStorage = MemoryStorage(), onRemoveAll: @escaping @Sendable () -> Void = {}
    ) {
        self.base = base
        self.fault = fault
        self.onRemoveAll = onRemoveAll
        local = FaultyCoordination(base.coordination, fault)
    }

    var capabilities: StorageCapabilities { base.capabilities }
    var coordination: any Coordination { local }

    // MARK: Runs

    func commit(_ commit: RunCommit) async throws {
        var commit = commit
        let found = try base.storedRun(commit.run)
        switch fault {
        case .failsCommitsBesideARefusedOne, .acceptsRefusedCommitsBesideOthers:
            return try await commitInGroup(commit)
        case .acceptsOldOwners:
            if let owner = found?.owner { commit.owner = owner }
        case .comparesProcessesOnly:
            if let owner = found?.owner, owner.process == commit.owner.process { commit.owner = owner }
        case .ignoresExpectedCounts:
            if let found, (found.coveredEvents + found.laterEvents.count) != commit.expecting + commit.events.count {
                commit.expecting = (found.coveredEvents + found.laterEvents.count)
                let eventCount = commit.expecting + commit.events.count
                commit.snapshot?.eventCount = eventCount
            }
        case .refusesRepeatedCommits where !commit.events.isEmpty:
            if let found, (found.coveredEvents + found.laterEvents.count) == commit.expecting + commit.events.count {
                throw StorageError(.conflict, "these events are stored already")
            }
        case .storesRepeatedCommitsTwice:
            if let found, (found.coveredEvents + found.laterEvents.count) == commit.expecting + commit.events.count {
                commit.expecting = (found.coveredEvents + found.laterEvents.count)
                commit.snapshot = nil
            }
        case .tearsCommits where found != nil && commit.events.count > 1:
            for (position, event) in commit.events.dropLast().enumerated() {
                var part = commit
                part.events = [event]
                part.expecting += position
                part.snapshot = nil
                try base.commit(part)
                await Task.yield()
            }
            commit.expecting += commit.events.count - 1
            commit.events = [commit.events[commit.events.count - 1]]
        case .forgetsToUnlistEndedRuns:
            if commit.snapshot?.run.status.isTerminal == true { commit.snapshot = nil }
        case .ignoresCancelSignals where commit.isRefusedAfterCancel:
            try await base.coordination.forgetSignals(to: commit.run)
        case .checksForCancelSignalsTooEarly where commit.isRefusedAfterCancel:
            if try await base.coordination.signals(to: commit.run).contains(.cancel) { break }
            // A cancel signal that is sent now is not considered.
            for _ in 0..<20 where !(try await base.coordination.signals(to: commit.run).contains(.cancel)) {
                try await Task.sleep(for: .milliseconds(1))
            }
            for _ in 0..<20 { await Task.yield() }
            try await base.coordination.forgetSignals(to: commit.run)
        case .refusesAllCommitsAfterACancel where found != nil:
            if try await base.coordination.signals(to: commit.run).contains(.cancel) {
                throw commit.error(for: .cancelled) ?? StorageError(.cancelled, "")
            }
        case .ignoresAnswers: commit.unansweredQuestion = nil
        case .checksForAnswersTooEarly where commit.unansweredQuestion != nil:
            if try await isAnswered(commit.run) { break }
            // An answer that is sent now is not considered.
            for _ in 0..<20 where !(try await isAnswered(commit.run)) { try await Task.sleep(for: .milliseconds(1)) }
            for _ in 0..<20 { await Task.yield() }
            commit.unansweredQuestion = nil
        case .refusesAllEndsAfterAnAnswer where commit.snapshot?.run.status.isTerminal == true:
            if try await isAnswered(commit.run) {
                throw commit.error(for: .answered) ?? StorageError(.answered, "")
            }
        case .losesContentsOfLaterCommits where found != nil:
            commit.contents = []
        default: break
        }
        keep(commit.contents, for: .run(commit.run), isRefused: true)
        if let input = commit.input { inputs.withLock { $0[commit.run] = input } }
        if let history = commit.history {
            try await self.commit(commit, history)
        } else {
            try base.commit(commit)
        }
        keep(commit.contents, for: .run(commit.run), isRefused: false)
        noteCount(of: commit)
        if let run = commit.snapshot?.run { notePrincipal(of: run) }
    }

    private func isAnswered(_ run: RunID) async throws -> Bool {
        try await base.coordination.signals(to: run).contains { if case .resume = $0 { true } else { false } }
    }

    /// A commit with a block, with the faults of the combination.
    private func commit(_ commit: RunCommit, _ history: HistoryAppend) async throws {
        var commit = commit
        commit.history = nil
        switch fault {
        case .forgetsBlocksOfCommits:
            try base.commit(commit)
        case .appendsBlocksOfCommitsLater:
            try base.commit(commit)
            // Long enough for a concurrent reader to miss the block.
            try await Task.sleep(for: .milliseconds(50))
            try base.append([history.block], to: history.session)
        case .appendsBlocksOfRefusedCommits:
            try base.append([history.block], to: history.session)
            try base.commit(commit)
        case .appendsBlocksOfRepeatedCommitsTwice, .tearsBlocksOfCommits:
            try base.commit(commit)
            for entry in history.block.entries {
                let part = HistoryBlock(key: RunID().rawValue, encoded: [entry])
                let isThere = try base.storedHistory(of: history.session, from: 0, limit: nil).items.contains(entry)
                if fault == .tearsBlocksOfCommits, isThere { continue }
                try base.append([part], to: history.session)
                await Task.yield()
            }
        case .refusesCommitsWithKnownBlocks:
            let key = "\(history.session) \(history.block.key)"
            guard blocks.withLock({ $0.insert(key).inserted }) else {
                throw StorageError(.conflict, "this block is stored already")
            }
            commit.history = history
            try base.commit(commit)
        case .givesContentsOfBlocksToRuns:
            commit.contents += history.block.contents
            try base.commit(commit)
            try base.append(
                [HistoryBlock(key: history.block.key, encoded: history.block.entries)], to: history.session)
        case .ignoresCommitsAsUseOfSessions:
            try base.commit(commit)
            unused.withLock { $0[history.session, default: []] += history.block.entries }
        default:
            commit.history = history
            try base.commit(commit)
        }
    }

    func storedRun(_ run: RunID) async throws -> StoredRun? {
        var record = try base.storedRun(run)
        if fault == .losesTheFirstLaterEvent, record?.laterEvents.isEmpty == false {
            record?.laterEvents.removeFirst()
        }
        return record
    }

    func storedInput(of run: RunID) async throws -> Encoded<[Message]>? {
        let found = try base.storedInput(of: run)
        return fault == .leavesInputBehind ? inputs.withLock { $0[run] } : found
    }

    func save(_ run: Run, json: [UInt8]) async throws {
        try base.save(run, json: json)
        notePrincipal(of: run)
    }

    func append(_ event: EncodedEvent, to run: RunID) async throws { try base.append(event, to: run) }

    func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool {
        forgetCount(of: run)
        if fault != .keepsDeletedRunsOfPrincipals { forgetPrincipal(of: run) }
        var forGood = forGood
        if fault == .forgetsDeletions { forGood = false }
        if fault == .deletesAlwaysForGood { forGood = true }
        guard fault == .leavesSignalsBehind else { return try base.deleteRun(run, forGood: forGood) }
        let signals = try await base.coordination.storedSignals(to: run)
        defer { local.keep(signals, of: run) }
        return try base.deleteRun(run, forGood: forGood)
    }

    func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun> {
        var query = query
        if fault == .repeatsRunsAcrossPages, query.offset > 0 { query.offset -= 1 }
        if let page = try faultyPage(query) { return page }
        var page = try base.storedRuns(query)
        switch fault {
        case .countsThePageAsTotal: page.total = page.items.count
        case .listsOldestFirst: page.items.reverse()
        case .acceptsNegativeNumbers where query.limit < 0:
            page.items = try base.storedRuns(RunQuery(query.filter)).items
        default: break
        }
        return page
    }

    func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent] {
        if fault == .acceptsNegativeNumbers, offset < 0 {
            // As in LRANGE: counted from the end.
            return try base.events(of: run, from: base.eventCount(of: run) &+ offset, limit: limit)
        }
        let events = try base.events(of: run, from: offset, limit: limit)
        guard fault == .reencodesEvents else { return events }
        return try events.map { try EncodedEvent($0.decode()) }
    }

    func eventCount(of run: RunID) async throws -> Int { try base.eventCount(of: run) }

    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool {
        noteClaim(of: run)
        guard fault == .acceptsEveryClaim else { return try base.claim(run, for: owner, from: current) }
        let found = try base.storedRun(run)
        return try base.claim(run, for: owner, from: found?.owner)
    }

    func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID] {
        try base.runs(ownedBy: process, limit: limit)
    }

    // MARK: Sessions

    private func stored(_ id: SessionID) -> SessionID {
        fault == .ignoresCaseOfIDs ? SessionID(stringLiteral: id.rawValue.lowercased()) : id
    }

    func storedSession(_ id: SessionID) async throws -> StoredSession? {
        var record = try base.storedSession(stored(id))
        record?.id = id
        if fault == .keepsStateAsText, let bytes = record?.state?.bytes {
            record?.state?.bytes = Array(String(decoding: bytes, as: UTF8.self).utf8)
        }
        return record.map(withFaultyPrincipal)
    }

    func save(_ session: StoredSession, expecting version: Int?) async throws -> Int {
        var session = session
        session.id = stored(session.id)
        return try base.save(
            savedWithFaultyPrincipal(session),
            expecting: fault == .ignoresSessionVersions || acceptsCreation(of: session) ? nil : version)
    }

    func append(_ blocks: [HistoryBlock], to session: SessionID) async throws {
        self.blocks.withLock { known in
            for block in blocks { known.insert("\(session) \(block.key)") }
        }
        switch fault {
        case .storesRepeatedBlocksTwice:
            let blocks = blocks.map { HistoryBlock(key: RunID().rawValue, encoded: $0.entries) }
            try base.append(blocks, to: session)
        case .tearsBlocks:
            for block in blocks {
                for (index, entry) in block.entries.enumerated() {
                    try base.append([HistoryBlock(key: "\(block.key):\(index)", encoded: [entry])], to: session)
                    await Task.yield()
                }
            }
        default: try base.append(blocks, to: stored(session))
        }
    }

    // MARK: Contents

    private func keep(_ contents: [StoredContent], for owner: ContentKey.Owner, isRefused: Bool) {
        guard isRefused == (fault == .storesContentsOfRefusedCommits) else { return }
        self.contents.withLock { kept in
            for content in contents { kept[ContentKey(owner, content.digest)] = content.bytes }
        }
    }

    func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] {
        let found = try base.contents(keys)
        return contents.withLock { kept in
            switch fault {
            case .storesContentsOfRefusedCommits, .leavesContentsBehind:
                return zip(keys, found).map { $1 ?? kept[$0] }
            case .confusesOwnersOfContents:
                let shared = Dictionary(kept.map { ($0.digest, $1) }, uniquingKeysWith: { first, _ in first })
                return zip(keys, found).map { $1 ?? shared[$0.digest] }
            default: return found
            }
        }
    }

    func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>> {
        var page = try base.storedHistory(of: stored(session), from: offset, limit: limit)
        if fault == .ignoresCommitsAsUseOfSessions {
            page.items += unused.withLock { $0[session] ?? [] }
            page.total = page.items.count
        }
        return page
    }

    func deleteSession(_ session: SessionID) async throws -> Bool { try base.deleteSession(stored(session)) }

    // MARK: The storage itself

    func ping() async throws -> Duration { try base.ping() }

    func removeAll() async throws {
        onRemoveAll()
        if fault != .keepsRunsOfPrincipalsOnRemoveAll { principals.withLock { $0 = PrincipalMemory() } }
        guard fault == .keepsSessionsOnRemoveAll else { return try base.removeAll() }
        for run in try base.storedRuns(RunQuery(limit: .max)).items { try base.deleteRun(run.id, forGood: false) }
    }

    func close() async throws {
        if fault != .worksWhenClosed { base.close() }
    }
}
