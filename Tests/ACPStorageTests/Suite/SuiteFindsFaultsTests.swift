// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPStorageTesting
import Synchronization
import Testing

@Suite("Faults that the storage suite finds")
struct SuiteFindsFaultsTests {
    /// Returns the checks that fail with a fault, or some of them.
    static func failingChecks(_ fault: Fault) -> [String] {
        switch fault {
        case .acceptsOldOwners:
            [
                "After a claim the old owner is fenced, and its commits change nothing",
                "A new token of the same process fences its old one", "A process that never owned a run is fenced",
                "A run can be claimed many times, and only the last owner can write it",
                "No commit of the old owner is stored after a concurrent claim",
                "Of several owners that create one run at once, exactly one succeeds",
            ]
        case .comparesProcessesOnly: ["A new token of the same process fences its old one"]
        case .acceptsEveryClaim:
            [
                "Of fifty tasks that claim a run at once, exactly one succeeds",
                "A claim must name the current owner",
                "A run that was saved without an engine has no owner, and can be claimed",
            ]
        case .refusesRepeatedCommits, .storesRepeatedCommitsTwice:
            [
                "Repeating the first commit of a run changes nothing and succeeds",
                "Repeating a commit changes nothing and succeeds, with a snapshot or without",
                "Repeating the last commit of a run changes nothing and succeeds",
                "A commit that many tasks repeat at once is stored once",
                "A run can continue after a repeated commit",
            ]
        case .ignoresExpectedCounts:
            [
                "A commit that expects another number of events throws conflict and changes nothing",
                "Of different commits at the same position, exactly one is stored, and as a whole",
            ]
        case .tearsCommits: ["A reader of a run that is being written sees whole commits only"]
        case .failsCommitsBesideARefusedOne, .acceptsRefusedCommitsBesideOthers:
            ["Of commits to many runs at once, each has its own outcome"]
        case .reencodesEvents: ["Events are returned in the order of their commits, byte for byte"]
        case .acceptsNegativeNumbers:
            [
                "Events are read by offset and limit, including negative and large numbers",
                "Runs are listed newest first by agent and by session, by offset and limit",
            ]
        case .losesTheFirstLaterEvent:
            [
                "A run is its snapshot and the later events, at every position of the snapshot",
                "A snapshot can cover a part of the events of its commit",
            ]
        case .countsThePageAsTotal, .listsOldestFirst:
            [
                "Runs are listed newest first by agent and by session, by offset and limit",
                "All runs are listed newest first, with an exact total",
            ]
        case .repeatsRunsAcrossPages: ["Runs created at the same moment are listed once each across all pages"]
        case .forgetsToUnlistEndedRuns:
            [
                "Unfinished runs are listed by their status as it changes",
                "The unfinished runs of a process are found, and only those",
            ]
        case .ordersChangesByCreation:
            ["An agent's runs are listed by the last change of their status, the last one first"]
        case .movesRunsThatContinue: ["A run that continues in its status keeps its place"]
        case .confusesDetailedStatuses:
            ["Rejected runs and runs that await authentication have a status of their own"]
        case .ignoresSessionsOfChanges, .ignoresTimesOfChanges:
            ["Runs are selected by status, session and time of the change, alone and combined"]
        case .skipsEqualChanges:
            ["Runs whose status changed at the same moment are listed once each across all pages"]
        case .pagesChangesByNumber:
            ["While statuses change, pages skip and repeat no run whose status did not change"]
        case .countsRunsAfterThePosition:
            [
                "An agent's runs are listed by the last change of their status, the last one first",
                "Runs are selected by status, session and time of the change, alone and combined",
            ]
        case .countsFormerStatuses:
            [
                "An agent's runs are listed by the last change of their status, the last one first",
                "Totals by status stay exact while many tasks create, change and delete runs",
            ]
        case .countsDeletedRuns: ["A deleted run is in no page and in no total of any status"]
        case .countsExpiredRuns: ["Expired runs are in no page and in no total of any status"]
        case .ignoresPrincipals, .ignoresPrincipalsOfAgents, .ignoresPrincipalsOfSessions, .ignoresPrincipalsOfStatuses,
            .countsRunsOfOtherPrincipals:
            [
                "A principal's runs are listed newest first by each filter, by offset and limit",
                "A principal's listings have no runs of others and none without a principal",
                "A principal without runs has empty pages and totals of 0",
                "Principals whose ids differ only in case or in Unicode normalization are different",
            ]
        case .givesEveryoneRunsWithoutPrincipal:
            [
                "A principal's listings have no runs of others and none without a principal",
                "A principal without runs has empty pages and totals of 0",
            ]
        case .ignoresPrincipalsOfChanges, .countsChangesOfOtherPrincipals:
            [
                "A principal's runs are selected by status, session and time of the change",
                "Pages of a principal's runs by the change of their status have each run once",
                "A principal's totals stay exact while many tasks create, change and delete runs",
                "A principal without runs has empty pages and totals of 0",
            ]
        case .ignoresPrincipalsOfChangesInSessions:
            ["A principal's runs are selected by status, session and time of the change"]
        case .selectsPrincipalsOnPages:
            ["A principal's runs are listed newest first by each filter, by offset and limit"]
        case .selectsPrincipalsOnPagesOfChanges:
            ["Pages of a principal's runs by the change of their status have each run once"]
        case .listsPrincipalsOldestFirst:
            ["A principal's runs are listed newest first by each filter, by offset and limit"]
        case .listsOnlyRunsWithoutPrincipal:
            ["A principal's listings have no runs of others and none without a principal"]
        case .ignoresCaseOfPrincipals, .normalizesPrincipals:
            ["Principals whose ids differ only in case or in Unicode normalization are different"]
        case .confusesBeginningsOfPrincipals:
            ["A principal's listings have no runs of others and none without a principal"]
        case .forgetsPrincipalsOfEndedRuns:
            [
                "A principal's unfinished runs are listed by their status as it changes",
                "A principal's listings keep runs that have ended and runs that were claimed",
            ]
        case .forgetsPrincipalsOfClaimedRuns:
            ["A principal's listings keep runs that have ended and runs that were claimed"]
        case .keepsFormerPrincipals: ["A run that is saved again is listed for its new principal only"]
        case .keepsFormerStatusesOfPrincipals:
            ["A principal's unfinished runs are listed by their status as it changes"]
        case .keepsDeletedRunsOfPrincipals: ["A deleted run is in no page and in no total of its principal"]
        case .keepsExpiredRunsOfPrincipals: ["Expired runs are in no page and in no total of their principal"]
        case .keepsRunsOfPrincipalsOnRemoveAll: ["Removing all data leaves no run in the listings of principals"]
        case .losesPrincipalsOfSessions, .losesPrincipalsOfLaterSaves, .keepsPrincipalsOfDeletedSessions:
            ["A session keeps the principal with which it was saved"]
        case .letsEveryPrincipalCreateSessions:
            [
                "A session keeps the principal with which it was saved",
                "Of several principals that create a session at once, one succeeds",
            ]
        case .forgetsDeletions:
            [
                "A run that was deleted for good cannot be created again by a commit",
                "A run that is created while it is deleted for good does not come back",
            ]
        case .deletesAlwaysForGood:
            [
                "A deleted run can be created again and starts empty",
                "A run that was deleted for good cannot be created again by a commit",
            ]
        case .leavesInputBehind:
            [
                "Deleting a run removes its events, its input, its signals and its entries in all listings",
                "A deleted run can be created again and starts empty",
                "A run expires as a whole: events, input, signals and entries in all listings",
                "Removing all data leaves nothing behind, and does not touch other data",
            ]
        case .leavesSignalsBehind:
            ["Deleting a run removes its events, its input, its signals and its entries in all listings"]
        case .losesContentsOfLaterCommits:
            [
                "Contents are returned byte for byte, in the order of their keys",
                "A reader that finds an event finds the content that was stored with it",
                "Storing contents again changes nothing, whether by a repeated or by another commit",
            ]
        case .storesContentsOfRefusedCommits: ["A commit that is refused stores no content"]
        case .leavesContentsBehind:
            [
                "Contents are deleted with their run or their session, and not earlier",
                "A run that is created again has no contents",
                "A run expires as a whole: events, input, signals and entries in all listings",
                "Removing all data leaves nothing behind, and does not touch other data",
            ]
        case .confusesOwnersOfContents:
            ["A content belongs to the run or session with which it was stored, and to no other"]
        case .storesRepeatedBlocksTwice:
            [
                "A block whose key the history has already is skipped",
                "A block that many tasks append at once is stored once",
            ]
        case .tearsBlocks: ["Each of two hundred blocks appended at once is stored once and as a whole"]
        case .forgetsBlocksOfCommits:
            [
                "A commit with a block stores events, snapshot and block",
                "A reader that finds the end of a run finds the block that was stored with it",
                "Repeating a commit with a block appends the block once",
                "The contents of a commit's block belong to the session, not to the run",
                "Of many runs of a session that end at once, each appends its block once and as a whole",
                "A commit with a block extends the life of the session as appending does",
            ]
        case .appendsBlocksOfCommitsLater:
            ["A reader that finds the end of a run finds the block that was stored with it"]
        case .appendsBlocksOfRefusedCommits: ["A refused commit leaves nothing in a history"]
        case .appendsBlocksOfRepeatedCommitsTwice:
            [
                "Repeating a commit with a block appends the block once",
                "A block whose key the history has already is skipped, and the rest of the commit is stored",
                "A commit whose events are stored already without its block succeeds",
            ]
        case .refusesCommitsWithKnownBlocks:
            [
                "Repeating a commit with a block appends the block once",
                "A block whose key the history has already is skipped, and the rest of the commit is stored",
                "A commit whose events are stored already without its block succeeds",
            ]
        case .ignoresCancelSignals: ["A run for which a cancel signal is stored can only end as cancelled"]
        case .checksForCancelSignalsTooEarly:
            ["Of a run's end and a cancel signal at the same moment, one takes effect"]
        case .refusesAllCommitsAfterACancel:
            [
                "A cancel signal affects only the end of its own run",
                "A cancel signal after a run's end changes nothing, also for a repeated commit",
            ]
        case .ignoresAnswers: ["A run whose question was answered cannot fail for want of an answer"]
        case .checksForAnswersTooEarly:
            ["Of a failure for want of an answer and the answer at the same moment, one takes effect"]
        case .refusesAllEndsAfterAnAnswer:
            [
                "An answer affects only the failure for want of it",
                "An answer after a run has failed for want of it changes nothing, also for a repeated commit",
            ]
        case .tearsBlocksOfCommits:
            ["Of many runs of a session that end at once, each appends its block once and as a whole"]
        case .givesContentsOfBlocksToRuns:
            ["The contents of a commit's block belong to the session, not to the run"]
        case .ignoresCommitsAsUseOfSessions:
            ["A commit with a block extends the life of the session as appending does"]
        case .ignoresSessionVersions:
            [
                "A save that expects another version throws conflict and changes nothing",
                "No update is lost when many tasks change a session's state at once",
                "Of several tasks that create a session at once, one succeeds",
            ]
        case .keepsStateAsText: ["A session's state is returned byte for byte, whatever the bytes"]
        case .ignoresCaseOfIDs: ["Unusual but valid ids are distinguished and found"]
        case .keepsTheLastSignal: ["Signals are stored once per key, and the first one is kept"]
        case .neverWakes:
            [
                "A commit wakes the watchers of the run", "Every watcher of a run is woken",
                "A run can be watched before it is created",
                "A reader that follows a run by its wakes reads every event once and in order",
            ]
        case .neverAnnounces:
            [
                "A signal is announced to the process that owns the run",
                "Many signals sent at once are all announced",
                "After a claim, signals are announced to the new owner",
                "When a process leaves, the others are woken",
            ]
        case .keepsProcessesAlive: ["A heartbeat expires unless it is renewed"]
        case .omitsLostProcesses: ["A process that left, or whose heartbeat expired, is lost until it is forgotten"]
        case .givesAllRunsTheTurn:
            [
                "Runs of a session get their turn in the order of the calls",
                "A run that is queued twice is in the queue once",
                "Of many runs queued at once, exactly one has the first turn, and each gets one",
            ]
        case .neverExpires:
            [
                "A run expires as a whole: events, input, signals and entries in all listings",
                "Expired runs are in no page and in no total, and other runs are",
                "An expired run is not restored by a late commit, and can be created again",
                "A session expires as a whole, and using it extends its life",
            ]
        case .keepsSessionsOnRemoveAll, .removesForeignData:
            ["Removing all data leaves nothing behind, and does not touch other data"]
        case .worksWhenClosed: ["A closed storage throws closed from every call, and can be closed twice"]
        }
    }

    static func suite(with fault: Fault?) -> StorageSuite {
        let isNeighborThere = Mutex(false)
        let onRemoveAll: @Sendable () -> Void = {
            if fault == .removesForeignData { isNeighborThere.withLock { $0 = false } }
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
                create: { isNeighborThere.withLock { $0 = true } },
                isUntouched: { isNeighborThere.withLock { $0 } }),
            // With a fault, some events never happen: do not wait long for them. Without a fault, all events happen.
            timeout: fault == nil ? .seconds(120) : .milliseconds(200),
            makeStorage: { FaultyStorage(fault, onRemoveAll: onRemoveAll) }
        )
    }

    static let faultless = suite(with: nil)

    @Test("A storage without a fault passes all checks", arguments: StorageSuite.checks)
    func noFault(_ check: StorageCheck) async throws {
        try await check.run(on: Self.faultless)
    }

    @Test("A storage with a fault fails the checks for it", arguments: Fault.allCases)
    func broken(_ fault: Fault) async throws {
        let suite = Self.suite(with: fault)
        for name in Self.failingChecks(fault) {
            let check = try #require(StorageSuite.checks.first { $0.name == name }, "no check \"\(name)\"")
            await #expect(throws: (any Error).self, "\(name)") { try await check.run(on: suite) }
        }
    }

    @Test("The error of a failed check names the guarantee, the finding and the location")
    func message() async throws {
        let suite = Self.suite(with: .keepsStateAsText)
        let name = "A session's state is returned byte for byte, whatever the bytes"
        let check = try #require(StorageSuite.checks.first { $0.name == name })
        let found = await #expect(throws: StorageCheckFailure.self) { try await check.run(on: suite) }
        let failure = try #require(found)
        #expect(failure.check == name)
        #expect(failure.finding.hasPrefix("the state's bytes: found Optional([239, 191, 189"))
        #expect(failure.finding.contains("expected Optional([255, 254, 195, 40, 128])"))
        #expect(failure.location.hasPrefix("ACPStorageTesting/SessionChecks.swift:"))
        #expect("\(failure)".hasPrefix("check failed: \(name). the state's bytes"))
    }

    @Test("Expiry cannot remain unchecked")
    func expiryIsChecked() async throws {
        let suite = StorageSuite { MemoryStorage() }
        let check = try #require(StorageSuite.checks.first { $0.name.hasPrefix("A run expires as a whole") })
        let found = await #expect(throws: StorageCheckFailure.self) { try await check.run(on: suite) }
        #expect(found?.finding.contains("makeShortLived") == true)
    }

    @Test("Every check has a unique name, and every fault fails at least one check")
    func names() {
        #expect(Set(StorageSuite.checks.map(\.name)).count == StorageSuite.checks.count)
        for fault in Fault.allCases { #expect(!Self.failingChecks(fault).isEmpty) }
    }

    @Test("Failed checks are returned for use without a test framework")
    func failures() async {
        let failures = await Self.suite(with: .keepsStateAsText).failures()
        let names = failures.map(\.check.name)
        #expect(names.contains("A session's state is returned byte for byte, whatever the bytes"))
        #expect(!names.contains("The storage replies to a ping"))
    }

    @Test("An exclusive check runs alone, and other checks wait for it")
    func exclusive() async throws {
        // All checks share one storage here, which remains open when they close it, like a database.
        let shared = MemoryStorage()
        let suite = StorageSuite { FaultyStorage(.worksWhenClosed, base: shared) }
        let checks = StorageSuite.checks.filter { $0.isExclusive || $0.name.contains("listed") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for check in checks + checks + checks { group.addTask { try await check.run(on: suite) } }
            try await group.waitForAll()
        }
    }
}
