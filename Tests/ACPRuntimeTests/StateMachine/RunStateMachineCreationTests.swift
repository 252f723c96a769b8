// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

/// The time for which a run may be created: afterwards the storage may not remember any more that it was deleted.
@Suite("State machine of a run that is created late")
struct RunStateMachineCreationTests {
    private struct Creation {
        var machine: RunStateMachine
        let start: Timestamp

        init() throws {
            let run = Run(agentName: "a", sessionID: "s")
            start = run.createdAt
            machine = RunStateMachine(
                creating: run,
                identity: RunStateMachine.Identity(
                    run: run.id, owner: RunOwner(process: ProcessID(rawValue: "p")), session: "s",
                    input: Encoded(json: Array("[]".utf8)), isTurnBased: false))
            try machine.create(shouldStart: true)
        }

        /// Returns the commit that is the next step after a duration. `nil` if there is none.
        mutating func commit(after time: Duration) -> RunCommit? {
            while let step = machine.nextStep(isLeaseHeld: true, now: start + time) {
                if case .commit(let commit, _) = step { return commit }
                guard case .pause = step else { return nil }
            }
            return nil
        }

        mutating func requireCommit(after time: Duration) throws -> RunCommit {
            let commit = commit(after: time)
            return try #require(commit)
        }

        var failure: StorageError.Code? { (machine.creationFailure as? StorageError)?.code }
    }

    @Test("A run whose first commit was not sent in time is not created")
    func unsent() throws {
        var inTime = try Creation()
        let commit = try inTime.requireCommit(after: RunCommit.creationPeriod)
        #expect(commit.snapshot != nil)
        var late = try Creation()
        let none = late.commit(after: RunCommit.creationPeriod + .seconds(1))
        #expect(none?.run == nil)
        #expect(late.failure == .timedOut && late.machine.isOver)
    }

    @Test("A creation in doubt is repeated in time; afterwards it is only found out whether the run was created")
    func inDoubt() throws {
        var creation = try Creation()
        let first = try creation.requireCommit(after: .zero)
        creation.machine.stepDidFail(StorageError(.outcomeUnknown, "lost"))
        let second = try creation.requireCommit(after: RunCommit.creationPeriod)
        #expect(second.snapshot == first.snapshot && second.input == first.input)
        creation.machine.stepDidFail(StorageError(.outcomeUnknown, "lost"))
        let last = try creation.requireCommit(after: RunCommit.deletionPeriod)
        #expect(last.snapshot == nil && last.input == nil && last.expecting == 0 && last.events == first.events)
        #expect(creation.failure == .outcomeUnknown, "its caller does not wait any longer")
        creation.machine.stepDidFail(StorageError(.outcomeUnknown, "lost"))
        let again = try creation.requireCommit(after: RunCommit.deletionPeriod)
        #expect(again.snapshot == nil, "as often as necessary")

        var missing = creation
        missing.machine.stepDidFail(StorageError(.notFound, "there is no such run"))
        let next = missing.commit(after: RunCommit.deletionPeriod)
        #expect(missing.machine.isOver && next?.run == nil)

        // It was created, but no process executes it: it ends.
        creation.machine.stepDidSucceed()
        var end = creation.machine.nextStep(isLeaseHeld: true, now: creation.start + RunCommit.deletionPeriod)
        if case .saveSession? = end {
            creation.machine.stepDidSucceed()
            end = creation.machine.nextStep(isLeaseHeld: true, now: creation.start + RunCommit.deletionPeriod)
        }
        guard case .commit(let commit, _)? = end else {
            Issue.record("the run does not end")
            return
        }
        #expect(commit.expecting == first.events.count && commit.snapshot?.run.status == .failed)
    }

    @Test("A creation that the storage refuses because the run was deleted is over, also in doubt")
    func deleted() throws {
        for isInDoubt in [false, true] {
            var creation = try Creation()
            _ = creation.commit(after: .zero)
            if isInDoubt {
                creation.machine.stepDidFail(StorageError(.outcomeUnknown, "lost"))
                _ = creation.commit(after: .seconds(1))
            }
            creation.machine.stepDidFail(StorageError(.deleted, "it was deleted"))
            #expect(creation.failure == .deleted && creation.machine.isOver)
            let next = creation.commit(after: .seconds(2))
            #expect(next?.run == nil)
        }
    }
}
