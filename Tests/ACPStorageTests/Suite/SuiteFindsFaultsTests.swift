// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPStorageTesting
import Synchronization
import Testing

@Suite("The suite finds what is wrong with a storage")
struct SuiteFindsFaultsTests {
    /// For each fault, the promises that it breaks, or some of them.
    static func brokenPromises(_ fault: Fault) -> [String] {
        switch fault {
        case .letsOldOwnersWrite:
            [
                "After a claim the old owner is fenced, and what it sends changes nothing",
                "A new token of the same process fences its old one", "Somebody who never owned a run is fenced",
                "A run can be handed on many times, and only the last owner writes",
                "No commit of the old owner is stored after a claim, however they race",
                "Of several owners that create one run at once, exactly one wins",
            ]
        case .comparesProcessesOnly: ["A new token of the same process fences its old one"]
        case .letsEveryClaimThrough:
            [
                "Of fifty tasks that claim a run at once, exactly one wins",
                "A claim must name the owner that is there",
                "A run that was saved by hand can be claimed from nobody",
            ]
        case .refusesRepeatedCommits, .storesRepeatedCommitsTwice:
            [
                "Repeating the first commit of a run changes nothing and succeeds",
                "Repeating a commit changes nothing and succeeds, with a snapshot or without",
                "Repeating the last commit of a run changes nothing and succeeds",
                "A commit that many tasks repeat at once is stored once",
                "A run can go on after a repeated commit",
            ]
        case .ignoresExpectedCounts:
            [
                "A commit that expects another number of events says conflict and changes nothing",
                "Of different commits for the same place, exactly one is stored, and whole",
            ]
        case .tearsCommits: ["Whoever reads a run while it is written sees whole commits only"]
        case .encodesEventsAnew: ["Events come back in the order of their commits, byte for byte"]
        case .takesNegativeNumbersAtTheirWord:
            [
                "Events are read by offset and limit, whatever the numbers",
                "Runs are listed newest first by agent and by session, by offset and limit",
            ]
        case .losesTheFirstLaterEvent:
            [
                "A run is its snapshot and the later events, wherever the snapshot stands",
                "A snapshot may cover only a part of the events of its commit",
            ]
        case .countsThePageAsTotal, .listsOldestFirst:
            [
                "Runs are listed newest first by agent and by session, by offset and limit",
                "All runs are listed newest first, with an exact total",
            ]
        case .repeatsRunsAcrossPages: ["Runs created at the same moment stand once each across all pages"]
        case .forgetsToUnlistEndedRuns:
            [
                "Unfinished runs are listed by their status as it changes",
                "The unfinished runs of a process are found, and only those",
            ]
        case .leavesInputBehind:
            [
                "Deleting a run removes its events, its input, its signals and its places in every listing",
                "A deleted run can be created anew and starts from nothing",
                "A run that expired is gone whole: events, input, signals and every listing",
                "Removing all leaves nothing behind, and touches nothing else",
            ]
        case .leavesSignalsBehind:
            ["Deleting a run removes its events, its input, its signals and its places in every listing"]
        case .losesContentsOfLaterCommits:
            [
                "Contents come back byte for byte, in the order asked for",
                "Whoever finds an event finds the content that came with it",
                "Storing contents again changes nothing, whether their commit is repeated or another brings them",
            ]
        case .storesContentsOfRefusedCommits: ["A commit that is refused stores no content"]
        case .leavesContentsBehind:
            [
                "Contents go with their run or their session, and not before",
                "A run that is created anew begins without contents",
                "A run that expired is gone whole: events, input, signals and every listing",
                "Removing all leaves nothing behind, and touches nothing else",
            ]
        case .mixesUpOwnersOfContents: ["A content belongs to the run or session that it came to, and to no other"]
        case .storesRepeatedBlocksTwice:
            [
                "A block whose key is there already is left out",
                "A block that many tasks append at once is there once",
            ]
        case .tearsBlocks: ["Each of two hundred blocks appended at once is there whole and once"]
        case .forgetsBlocksOfCommits:
            [
                "A commit with a block stores events, snapshot and block",
                "Whoever finds the end of a run finds the block that came with it",
                "Repeating a commit with a block appends the block once",
                "The contents of a commit's block belong to the session, not to the run",
                "Of many runs of a session that end at once, each leaves its block whole and once",
                "A commit with a block extends the life of the session as appending does",
            ]
        case .appendsBlocksOfCommitsLater: ["Whoever finds the end of a run finds the block that came with it"]
        case .appendsBlocksOfRefusedCommits: ["A commit that is refused leaves nothing in a history"]
        case .appendsBlocksOfRepeatedCommitsTwice:
            [
                "Repeating a commit with a block appends the block once",
                "A block whose key the history has already is left out of a commit, and the rest is stored",
                "A commit whose events are there already without its block succeeds",
            ]
        case .refusesCommitsWithKnownBlocks:
            [
                "Repeating a commit with a block appends the block once",
                "A block whose key the history has already is left out of a commit, and the rest is stored",
                "A commit whose events are there already without its block succeeds",
            ]
        case .ignoresCancelSignals: ["Once a cancel is stored, a run ends as cancelled and not in another way"]
        case .looksForCancelSignalsTooEarly: ["Of a run's end and a cancel at the same moment one knows of the other"]
        case .refusesAllCommitsAfterACancel:
            [
                "A cancel holds up nothing but the end of its own run",
                "A cancel that comes after a run's end changes nothing, also not for a repeated commit",
            ]
        case .tearsBlocksOfCommits: ["Of many runs of a session that end at once, each leaves its block whole and once"]
        case .givesContentsOfBlocksToRuns:
            ["The contents of a commit's block belong to the session, not to the run"]
        case .countsNoCommitAsUseOfASession:
            ["A commit with a block extends the life of the session as appending does"]
        case .ignoresSessionVersions:
            [
                "A save that expects another version says conflict and changes nothing",
                "No update is lost when many tasks change a session's state at once",
                "Of several tasks that create a session at once, one wins",
            ]
        case .keepsStateAsText: ["A session's state comes back byte for byte, whatever the bytes"]
        case .ignoresCaseOfIDs: ["Strange but valid ids are kept apart and found again"]
        case .letsTheLastSignalCount: ["Signals are stored once per key, and the first one counts"]
        case .neverWakes:
            [
                "A commit wakes whoever watched the run before it", "Every watcher of a run is woken",
                "A run can be watched before it is created",
                "Whoever follows a run by its wakes reads every event once and in order",
            ]
        case .neverAnnounces:
            [
                "A signal is announced to the process that owns the run",
                "Many signals sent at once are all announced",
                "After a claim, signals are announced to the new owner",
                "When a process leaves, the others are woken",
            ]
        case .keepsProcessesAlive: ["A heartbeat runs out, unless it is renewed"]
        case .losesSightOfTheLost: ["A process that left, or whose heartbeat ran out, is lost until it is forgotten"]
        case .letsEverybodyProceed:
            [
                "Runs of a session get their turn in the order in which they came",
                "A run that is queued twice stands in the queue once",
                "Of many runs queued at once, exactly one has the first turn, and each gets one",
            ]
        case .neverExpires:
            [
                "A run that expired is gone whole: events, input, signals and every listing",
                "Runs that expired are in no page and in no total, those that live are",
                "An expired run does not come back by a late commit, and can be created anew",
                "A session that expired is gone whole, and using it extends its life",
            ]
        case .leavesSessionsAtRemoveAll, .touchesItsNeighbor:
            ["Removing all leaves nothing behind, and touches nothing else"]
        case .answersWhenClosed: ["A closed storage says closed to every call, and can be closed twice"]
        }
    }

    static func suite(with fault: Fault?) -> StorageSuite {
        let isNeighborThere = Mutex(false)
        let onRemoveAll: @Sendable () -> Void = {
            if fault == .touchesItsNeighbor { isNeighborThere.withLock { $0 = false } }
        }
        return StorageSuite(
            makeShortLived: {
                let clock = ManualClock()
                let base = MemoryStorage(.init(timeToLive: .seconds(60)), now: clock.now)
                return .init(FaultyStorage(fault, base: base)) {
                    if fault != .neverExpires { clock.advance(by: $0) }
                }
            },
            neighbor: .init(
                settle: { isNeighborThere.withLock { $0 = true } },
                isUntouched: { isNeighborThere.withLock { $0 } }),
            // What never happens is waited for in vain: not for long. Without a fault, everything happens.
            patience: fault == nil ? .seconds(120) : .milliseconds(200),
            makeStorage: { FaultyStorage(fault, onRemoveAll: onRemoveAll) }
        )
    }

    static let faultless = suite(with: nil)

    @Test("Without a fault it finds none", arguments: StorageSuite.checks)
    func noFault(_ check: StorageCheck) async throws {
        try await check.run(on: Self.faultless)
    }

    @Test("A fault breaks promises", arguments: Fault.allCases)
    func broken(_ fault: Fault) async throws {
        let suite = Self.suite(with: fault)
        for name in Self.brokenPromises(fault) {
            let check = try #require(StorageSuite.checks.first { $0.name == name }, "no promise \"\(name)\"")
            await #expect(throws: (any Error).self, "\(name)") { try await check.run(on: suite) }
        }
    }

    @Test("What is found says which promise was broken, and how")
    func message() async throws {
        let suite = Self.suite(with: .keepsStateAsText)
        let name = "A session's state comes back byte for byte, whatever the bytes"
        let check = try #require(StorageSuite.checks.first { $0.name == name })
        let found = await #expect(throws: BrokenPromise.self) { try await check.run(on: suite) }
        let promise = try #require(found)
        #expect(promise.promise == name)
        #expect(promise.finding.hasPrefix("the state's bytes: found Optional([239, 191, 189"))
        #expect(promise.finding.contains("expected Optional([255, 254, 195, 40, 128])"))
        #expect(promise.place.hasPrefix("ACPStorageTesting/SessionChecks.swift:"))
        #expect("\(promise)".hasPrefix("broken promise: \(name). the state's bytes"))
    }

    @Test("A promise to expire cannot go unchecked")
    func expiryIsChecked() async throws {
        let suite = StorageSuite { MemoryStorage() }
        let check = try #require(StorageSuite.checks.first { $0.name.hasPrefix("A run that expired is gone") })
        let found = await #expect(throws: BrokenPromise.self) { try await check.run(on: suite) }
        #expect(found?.finding.contains("makeShortLived") == true)
    }

    @Test("Every promise has a name of its own, and every fault breaks one")
    func names() {
        #expect(Set(StorageSuite.checks.map(\.name)).count == StorageSuite.checks.count)
        for fault in Fault.allCases { #expect(!Self.brokenPromises(fault).isEmpty) }
    }

    @Test("Without a test framework, the checks that fail are returned")
    func failures() async {
        let failures = await Self.suite(with: .keepsStateAsText).failures()
        let names = failures.map(\.check.name)
        #expect(names.contains("A session's state comes back byte for byte, whatever the bytes"))
        #expect(!names.contains("The storage answers a ping"))
    }

    @Test("An exclusive check runs alone, and the others wait for it")
    func exclusive() async throws {
        // All checks share one storage here, which their closing leaves open: as on a database.
        let shared = MemoryStorage()
        let suite = StorageSuite { FaultyStorage(.answersWhenClosed, base: shared) }
        let checks = StorageSuite.checks.filter { $0.isExclusive || $0.name.contains("listed") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for check in checks + checks + checks { group.addTask { try await check.run(on: suite) } }
            try await group.waitForAll()
        }
    }
}
