// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@Suite("Decisions about commits")
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

    private static func stored(_ count: Int, _ owner: RunOwner? = owner, missing: String? = nil) -> StoredRunState {
        StoredRunState(owner: owner, eventCount: count, missingPart: missing)
    }

    private func outcome(
        _ commit: RunCommit, _ run: StoredRunState?, isDeleted: Bool = false, isCancelled: Bool = false
    ) -> CommitOutcome {
        commit.outcome(for: run, isDeleted: isDeleted) { _ in isCancelled }
    }

    @Test("A commit creates a new run if it expects no events and has a valid snapshot")
    func creating() throws {
        #expect(outcome(try Self.commit(expecting: 0, covers: 2), nil) == .applied)
        #expect(outcome(try Self.commit(expecting: 0, covers: 3), nil) == .invalidSnapshot)
        #expect(outcome(try Self.commit(expecting: 0, covers: -1), nil) == .invalidSnapshot)
        #expect(outcome(try Self.commit(expecting: 0), nil) == .missing)
        #expect(outcome(try Self.commit(expecting: 2, covers: 2), nil) == .missing)
        #expect(outcome(try Self.commit(expecting: 0, covers: 2, .completed), nil, isCancelled: true) == .applied)
    }

    @Test("A commit does not create a run that was deleted for good, and writes one that was saved after that")
    func deleted() throws {
        #expect(outcome(try Self.commit(expecting: 0, covers: 2), nil, isDeleted: true) == .deleted)
        #expect(outcome(try Self.commit(expecting: 0), nil, isDeleted: true) == .missing)
        #expect(outcome(try Self.commit(expecting: 2, covers: 2), nil, isDeleted: true) == .missing)
        #expect(outcome(try Self.commit(), Self.stored(2), isDeleted: true) == .applied)
    }

    @Test("A commit is accepted from the owner only, at its position only, and once")
    func appending() throws {
        let commit = try Self.commit()
        #expect(outcome(commit, Self.stored(2)) == .applied)
        #expect(outcome(commit, Self.stored(4)) == .repeated)
        #expect(outcome(commit, Self.stored(3)) == .conflict(found: 3))
        #expect(outcome(commit, Self.stored(0)) == .conflict(found: 0))
        for count in 0...4 {
            #expect(outcome(commit, Self.stored(count, Self.other)) == .fenced)
            #expect(outcome(commit, Self.stored(count, nil)) == .fenced)
        }
        let snapshotOnly = try Self.commit(events: 0, covers: 2)
        #expect(outcome(snapshotOnly, Self.stored(2)) == .applied, "without events a repetition cannot be detected")
        #expect(outcome(snapshotOnly, Self.stored(4)) == .conflict(found: 4))
        #expect(outcome(try Self.commit(covers: 5), Self.stored(2)) == .invalidSnapshot)
        #expect(outcome(try Self.commit(covers: 5), Self.stored(4)) == .repeated)
    }

    @Test("A run of which a part is missing accepts only the repetition of a commit")
    func incomplete() throws {
        let commit = try Self.commit()
        #expect(outcome(commit, Self.stored(4, missing: "x")) == .repeated)
        for count in 0...3 { #expect(outcome(commit, Self.stored(count, missing: "x")) == .incomplete(missing: "x")) }
        #expect(outcome(commit, Self.stored(2, Self.other, missing: "x")) == .fenced)
    }

    @Test(
        "A stored cancel signal causes the refusal of a later end, and of nothing else", arguments: RunStatus.allCases)
    func cancelled(_ status: RunStatus) throws {
        let commit = try Self.commit(covers: 4, status)
        let isRefused = status == .completed || status == .failed
        #expect(outcome(commit, Self.stored(2), isCancelled: true) == (isRefused ? .cancelled : .applied))
        #expect(outcome(commit, Self.stored(2)) == .applied)
        #expect(outcome(commit, Self.stored(4), isCancelled: true) == .repeated)
        #expect(outcome(commit, Self.stored(3), isCancelled: true) == .conflict(found: 3))
    }

    @Test("A stored answer causes the refusal of a later failure for want of it, and of nothing else")
    func answered() throws {
        var commit = try Self.commit(covers: 4, .failed)
        let answer = RunSignal.resume(.message("x"), eventCount: 2).key
        func outcome(_ count: Int, _ signals: String...) -> CommitOutcome {
            commit.outcome(for: Self.stored(count), isDeleted: false) { signals.contains($0) }
        }
        #expect(outcome(2, answer) == .applied)
        commit.unansweredQuestion = 2
        #expect(outcome(2) == .applied)
        #expect(outcome(2, answer) == .answered)
        #expect(outcome(2, answer, RunSignal.cancel.key) == .cancelled)
        #expect(outcome(4, answer) == .repeated)
        #expect(outcome(3, answer) == .conflict(found: 3))
        commit.unansweredQuestion = 1
        #expect(outcome(2, answer) == .applied, "it is the answer to another question")
    }

    @Test("Cancel signals are read only if the decision depends on them")
    func askedSeldom() throws {
        let end = try Self.commit(covers: 4, .completed)
        for (commit, run) in [
            (try Self.commit(), Self.stored(2)), (end, Self.stored(4)), (end, Self.stored(2, nil)),
        ] {
            _ = commit.outcome(for: run, isDeleted: false) { _ in
                Issue.record("the decision does not depend on this")
                return false
            }
        }
    }

    @Test("Every code of a script has an outcome")
    func codes() {
        let expected: [(String, CommitOutcome)] = [
            ("done", .applied), ("fenced", .fenced), ("conflict", .conflict(found: 7)), ("missing", .missing),
            ("deleted", .deleted), ("covered", .invalidSnapshot), ("cancelled", .cancelled), ("answered", .answered),
        ]
        for (code, outcome) in expected { #expect(CommitOutcome(code: code, found: 7) == outcome) }
        #expect(CommitOutcome(code: "DONE", found: 7) == nil)
    }
}
