// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@Suite("What becomes of a commit")
struct CommitOutcomeTests {
    private static let owner = RunOwner(process: ProcessID(rawValue: "one"), token: "token")
    private static let other = RunOwner(process: ProcessID(rawValue: "one"), token: "another token")

    private static func commit(
        expecting count: Int = 2, events: Int = 2, covers covered: Int? = nil, _ status: RunStatus = .inProgress
    ) throws -> RunCommit {
        let run = Run(agentName: "agent", status: status)
        let event = try EncodedEvent(.runInProgress(run))
        return RunCommit(
            run: run.id, expecting: count, events: Array(repeating: event, count: events),
            snapshot: try covered.map { try RunSnapshot(run, eventCount: $0) }, owner: owner)
    }

    private static func standing(_ count: Int, _ owner: RunOwner? = owner, missing: String? = nil) -> RunStanding {
        RunStanding(owner: owner, eventCount: count, missingPart: missing)
    }

    private func outcome(_ commit: RunCommit, _ run: RunStanding?, isCancelled: Bool = false) -> CommitOutcome {
        commit.outcome(for: run) { isCancelled }
    }

    @Test("A commit creates a run that is not there if it expects no events and has a snapshot that fits")
    func creating() throws {
        #expect(outcome(try Self.commit(expecting: 0, covers: 2), nil) == .applied)
        #expect(outcome(try Self.commit(expecting: 0, covers: 3), nil) == .invalidSnapshot)
        #expect(outcome(try Self.commit(expecting: 0, covers: -1), nil) == .invalidSnapshot)
        #expect(outcome(try Self.commit(expecting: 0), nil) == .missing)
        #expect(outcome(try Self.commit(expecting: 2, covers: 2), nil) == .missing)
        #expect(outcome(try Self.commit(expecting: 0, covers: 2, .completed), nil, isCancelled: true) == .applied)
    }

    @Test("Only the owner's commit is taken, only at its place, and once")
    func appending() throws {
        let commit = try Self.commit()
        #expect(outcome(commit, Self.standing(2)) == .applied)
        #expect(outcome(commit, Self.standing(4)) == .repeated)
        #expect(outcome(commit, Self.standing(3)) == .conflict(found: 3))
        #expect(outcome(commit, Self.standing(0)) == .conflict(found: 0))
        for count in 0...4 {
            #expect(outcome(commit, Self.standing(count, Self.other)) == .fenced)
            #expect(outcome(commit, Self.standing(count, nil)) == .fenced)
        }
        let snapshotOnly = try Self.commit(events: 0, covers: 2)
        #expect(outcome(snapshotOnly, Self.standing(2)) == .applied, "without events nothing tells a repetition")
        #expect(outcome(snapshotOnly, Self.standing(4)) == .conflict(found: 4))
        #expect(outcome(try Self.commit(covers: 5), Self.standing(2)) == .invalidSnapshot)
        #expect(outcome(try Self.commit(covers: 5), Self.standing(4)) == .repeated)
    }

    @Test("A run of which a part is missing takes only the repetition of a commit")
    func incomplete() throws {
        let commit = try Self.commit()
        #expect(outcome(commit, Self.standing(4, missing: "x")) == .repeated)
        for count in 0...3 { #expect(outcome(commit, Self.standing(count, missing: "x")) == .incomplete(missing: "x")) }
        #expect(outcome(commit, Self.standing(2, Self.other, missing: "x")) == .fenced)
    }

    @Test("A cancel that is stored refuses an end that comes after it, and nothing else", arguments: RunStatus.allCases)
    func cancelled(_ status: RunStatus) throws {
        let commit = try Self.commit(covers: 4, status)
        let isRefused = status == .completed || status == .failed
        #expect(outcome(commit, Self.standing(2), isCancelled: true) == (isRefused ? .cancelled : .applied))
        #expect(outcome(commit, Self.standing(2)) == .applied)
        #expect(outcome(commit, Self.standing(4), isCancelled: true) == .repeated)
        #expect(outcome(commit, Self.standing(3), isCancelled: true) == .conflict(found: 3))
    }

    @Test("Whether the run is cancelled is asked only where it matters")
    func askedSeldom() throws {
        let end = try Self.commit(covers: 4, .completed)
        for (commit, run) in [
            (try Self.commit(), Self.standing(2)), (end, Self.standing(4)), (end, Self.standing(2, nil)),
        ] {
            _ = commit.outcome(for: run) {
                Issue.record("this does not matter")
                return false
            }
        }
    }

    @Test("Every code of a script has its outcome")
    func codes() {
        let expected: [(String, CommitOutcome)] = [
            ("done", .applied), ("fenced", .fenced), ("conflict", .conflict(found: 7)), ("missing", .missing),
            ("covered", .invalidSnapshot), ("cancelled", .cancelled),
        ]
        for (code, outcome) in expected { #expect(CommitOutcome(code: code, found: 7) == outcome) }
        #expect(CommitOutcome(code: "DONE", found: 7) == nil)
    }
}
