// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

/// Every input in every state of a run, as a table: the next state, and the actions.
@Suite("State machine of a run")
struct RunStateMachineTableTests {
    typealias Machine = RunStateMachine

    /// The states, each with the inputs that lead to it.
    static let states: [(name: String, make: @Sendable () throws -> Machine)] = [
        ("creating", { try made(shouldStart: true) }),
        ("creating, to be queued", { try made(shouldStart: false) }),
        (
            "creating, in doubt",
            {
                var machine = try made(shouldStart: true)
                machine.stepDidFail(StorageError(.outcomeUnknown, "lost"))
                _ = machine.step()
                _ = machine.step()
                return machine
            }
        ),
        (
            "queued",
            {
                var machine = try made(shouldStart: false)
                machine.stepDidSucceed()
                _ = machine.step()
                return machine
            }
        ),
        ("running, not called", { try running() }),
        ("running", { try atWork() }),
        (
            "running, storage fails",
            {
                var machine = try atWork()
                _ = try machine.emit { try $0.add(.text("a"), now: time) }
                _ = machine.step()
                machine.stepDidFail(StorageError(.cannotConnect, "down"))
                return machine
            }
        ),
        ("awaiting", { try awaiting() }),
        ("leaving", { try leaving() }),
        (
            "dormant",
            {
                var machine = try leaving()
                _ = machine.handlerDidEnd(.completed, thrown: nil, canWrite: true)
                return machine
            }
        ),
        (
            "cancelling, not called",
            {
                var machine = try running()
                _ = machine.cancel()
                return machine
            }
        ),
        (
            "cancelling",
            {
                var machine = try atWork()
                _ = machine.cancel()
                _ = machine.step()
                machine.stepDidSucceed()
                _ = machine.step()
                return machine
            }
        ),
        ("ending", { try storingEnd(.completed) }),
        (
            "ending, saving session",
            {
                var machine = try atWork()
                _ = machine.handlerDidEnd(.failed(ACPError(.serverError, "no")), thrown: nil, canWrite: true)
                _ = machine.step()
                return machine
            }
        ),
        (
            "ending, passing turn",
            {
                var machine = try storingEnd(.completed)
                machine.stepDidSucceed()
                _ = machine.step()
                return machine
            }
        ),
        (
            "ended",
            {
                var machine = try storingEnd(.completed)
                machine.stepDidSucceed()
                _ = machine.step()
                machine.stepDidSucceed()
                _ = machine.step()
                return machine
            }
        ),
        ("ending, unanswered", { try storingUnanswered() }),
        (
            "abandoned",
            {
                var machine = try atWork()
                machine.abandon(StorageError(.fenced, "gone"))
                return machine
            }
        ),
    ]

    /// The inputs. The text is the result for the caller, if there is one.
    static let inputs: [(name: String, apply: @Sendable (inout Machine) throws -> String)] = [
        (
            "admit",
            {
                $0.admit(); return ""
            }
        ),
        ("begin", { "\($0.begin(now: .now))" }),
        ("handler is called", { "\($0.handlerWillBegin())" }),
        ("emit", { machine in try outcome { _ = try machine.emit { try $0.add(.text("x"), now: time) } } }),
        ("ask", { machine in try outcome { _ = try machine.ask(question, deadline: time, now: time) } }),
        ("answer", { $0.answer(answer, to: $0.log.eventCount, now: .now) == nil ? "not taken" : "taken" }),
        ("answer to another question", { $0.answer(answer, to: 1, now: .now) == nil ? "not taken" : "taken" }),
        (
            "withdraw question",
            {
                $0.withdrawQuestion($0.log.eventCount, now: .now); return ""
            }
        ),
        (
            "handler returns",
            { $0.handlerDidEnd(.completed, thrown: nil, canWrite: true) ? "caller writes" : "" }
        ),
        ("cancel", { $0.cancel() == nil ? "too late" : "accepted" }),
        (
            "end",
            {
                $0.end(.failed(ACPError(.serverError, "shut down"))); return ""
            }
        ),
        (
            "abandon",
            {
                $0.abandon(StorageError(.fenced, "gone")); return ""
            }
        ),
        (
            "abandon if idle",
            {
                $0.abandon(StorageError(.closed, "bye"), onlyWhileIdle: true); return ""
            }
        ),
        (
            "refuse creation",
            {
                $0.refuseCreation(ACPError(.serverError, "no")); return ""
            }
        ),
        (
            "refuse turn",
            {
                $0.refuseTurn(ACPError(.serverError, "busy"), message: "busy", isDeleted: true); return ""
            }
        ),
        (
            "answer timer",
            {
                $0.timerDidFire(.answer(eventCount: $0.log.eventCount)); return ""
            }
        ),
        (
            "grace timer",
            {
                $0.timerDidFire(.grace); return ""
            }
        ),
        (
            "storage timer",
            {
                $0.timerDidFire(.storage(outage: 1)); return ""
            }
        ),
        (
            "step succeeds",
            {
                $0.stepDidSucceed(); return ""
            }
        ),
        (
            "step fails for now",
            {
                $0.stepDidFail(StorageError(.full, "full")); return ""
            }
        ),
        (
            "step may have succeeded",
            {
                $0.stepDidFail(StorageError(.outcomeUnknown, "lost")); return ""
            }
        ),
        (
            "step is fenced",
            {
                $0.stepDidFail(StorageError(.fenced, "gone")); return ""
            }
        ),
        (
            "step finds damage",
            {
                $0.stepDidFail(StorageError(.incomplete, "parts are gone")); return ""
            }
        ),
        (
            "step comes after a cancel",
            {
                $0.stepDidFail(StorageError(.cancelled, "cancelled")); return ""
            }
        ),
        (
            "step comes after an answer",
            {
                $0.stepDidFail(StorageError(.answered, "answered")); return ""
            }
        ),
        ("leave", { "\($0.leave($0.log.eventCount, unlessDueBefore: time))" }),
    ]

    @Test("Every input in every state has the result that is in the table", arguments: states.indices)
    func table(_ index: Int) throws {
        let (state, make) = Self.states[index]
        for (input, apply) in Self.inputs {
            var machine = try make()
            _ = machine.takeActions()
            let result = try apply(&machine)
            let found = Transition(
                state: machine.name, actions: machine.takeActions().map(\.name).joined(separator: ", "), result: result)
            let expected = RunStateMachineTable.transitions[state]?[input]
            #expect(found.description == expected, "\(state), \(input)")
        }
    }

    @Test("The handler of a run that fails for want of an answer waits until that is stored, or gets the answer")
    func unanswered() throws {
        func actions(_ machine: inout Machine) -> [String] { machine.takeActions().map(\.name) }
        var failed = try storingUnanswered()
        let eventCount = try #require(failed.awaitedCount)
        #expect(!failed.isMet(.answered(eventCount: eventCount)))
        #expect(try failed.takeAnswer(to: eventCount) == nil)
        _ = failed.takeActions()
        failed.stepDidSucceed()
        _ = failed.step()
        #expect(actions(&failed) == ["log failure", "cancel handler"])
        #expect(failed.isMet(.answered(eventCount: eventCount)) && failed.status == .failed)

        var answered = try storingUnanswered()
        _ = answered.takeActions()
        answered.stepDidFail(StorageError(.answered, "answered"))
        guard case .readSignals(eventCount)? = answered.step() else { throw Machine.NotExpected() }
        answered.signalsDidArrive([.resume(answer, eventCount: eventCount)], now: time)
        #expect(try answered.takeAnswer(to: eventCount) == answer)
        #expect(answered.name == "running, writer ready" && answered.status == .inProgress)
        #expect(actions(&answered) == ["notify resumed"])

        var cancelled = try storingUnanswered()
        #expect(cancelled.cancel() == nil)
        cancelled.stepDidFail(StorageError(.answered, "answered"))
        #expect(cancelled.name == "cancelling, writer ready")

        var ended = try storingUnanswered()
        _ = ended.handlerDidEnd(.completed, thrown: nil, canWrite: true)
        ended.stepDidFail(StorageError(.answered, "answered"))
        #expect(ended.name == "abandoned(answered), writer ready", "nobody would take the answer")
    }

    @Test("A run leaves memory only when it can be repeated, everything is stored, and its time is not up soon")
    func leavingConditions() throws {
        let eventCount = try awaiting().log.eventCount
        func departure(_ machine: Machine, of question: Int = 3, before deadline: Timestamp = time) -> Machine.Departure
        {
            var machine = machine
            return machine.leave(question, unlessDueBefore: deadline)
        }
        #expect(eventCount == 3)
        #expect(try departure(awaiting()) == .begun)
        #expect(try departure(awaiting(), of: 2) == .refused, "an earlier question")
        #expect(try departure(awaiting(), before: time + .seconds(1)) == .refused, "its time is up soon")

        var unstored = try atWork()
        _ = try unstored.ask(question, deadline: nil, now: time)
        #expect(departure(unstored) == .later)
        _ = unstored.step()
        #expect(departure(unstored) == .later, "it is being stored")
        unstored.stepDidSucceed()
        #expect(departure(unstored) == .later, "the writer may have more to do")
        _ = unstored.step()
        #expect(departure(unstored) == .begun)

        var overdue = try awaiting()
        overdue.timerDidFire(.answer(eventCount: 3))
        #expect(departure(overdue) == .refused)

        var withdrawn = try awaiting()
        withdrawn.withdrawQuestion(3, now: time)
        _ = try withdrawn.ask(question, deadline: nil, now: time)
        for _ in 0..<2 {
            _ = withdrawn.step()
            withdrawn.stepDidSucceed()
        }
        _ = withdrawn.step()
        #expect(departure(withdrawn, of: 5) == .refused, "a question that was withdrawn cannot be replayed")
    }

    @Test("The handler of a run that leaves memory gets no answer, and the run says that one has arrived")
    func answeredWhileLeaving() throws {
        var machine = try leaving()
        #expect(machine.isMet(.answered(eventCount: 3)), "a handler that waits in a task of its own is woken")
        #expect(throws: CancellationError.self) { try machine.takeAnswer(to: 3) }
        #expect(machine.isMet(.awaitStored) && machine.awaitedCount == 3, "callers can still answer")
        #expect(machine.answer(answer, to: 3, now: time) == nil)
        _ = machine.takeActions()
        _ = machine.handlerDidEnd(.completed, thrown: nil, canWrite: true)
        guard case .notify(.left(let eventCount, let deadline, let isAnswered))? = machine.takeActions().last else {
            throw Machine.NotExpected()
        }
        #expect(eventCount == 3 && deadline == time && isAnswered)
        #expect(machine.isOver && !machine.isOwned && !machine.isStored)
        #expect(machine.status == .awaiting)
    }

    @Test("The table has exactly one row for each state and input")
    func rows() {
        #expect(Set(RunStateMachineTable.transitions.keys) == Set(Self.states.map(\.name)))
        for (state, row) in RunStateMachineTable.transitions {
            #expect(Set(row.keys) == Set(Self.inputs.map(\.name)), "\(state)")
        }
    }
}

/// The result of an input.
private struct Transition: CustomStringConvertible {
    let state: String
    let actions: String
    let result: String

    var description: String {
        [state, actions.isEmpty ? nil : "[\(actions)]", result.isEmpty ? nil : "→ \(result)"].compactMap { $0 }
            .joined(separator: " ")
    }
}

// MARK: - States

private let time = Timestamp(microseconds: 1_700_000_000_000_000)
private let question = AwaitRequest.message(Message("Which?", role: .agent("a")))
private let answer = AwaitResume.message(Message("This one"))

private func made(shouldStart: Bool) throws -> RunStateMachine {
    let run = Run(agentName: "a", sessionID: "s")
    var machine = RunStateMachine(
        creating: run,
        identity: RunStateMachine.Identity(
            run: run.id, owner: RunOwner(process: ProcessID(rawValue: "p")), session: "s", input: nil,
            isTurnBased: true))
    try machine.create(shouldStart: shouldStart)
    _ = machine.step()
    return machine
}

private func running() throws -> RunStateMachine {
    var machine = try made(shouldStart: true)
    machine.stepDidSucceed()
    _ = machine.step()
    return machine
}

private func atWork() throws -> RunStateMachine {
    var machine = try running()
    _ = machine.handlerWillBegin()
    return machine
}

private func awaiting() throws -> RunStateMachine {
    var machine = try atWork()
    _ = try machine.ask(question, deadline: time, now: time)
    _ = machine.step()
    machine.stepDidSucceed()
    _ = machine.step()
    return machine
}

private func leaving() throws -> RunStateMachine {
    var machine = try awaiting()
    _ = machine.leave(machine.log.eventCount, unlessDueBefore: time)
    return machine
}

private func storingEnd(_ outcome: RunOutcome) throws -> RunStateMachine {
    var machine = try atWork()
    _ = machine.handlerDidEnd(outcome, thrown: nil, canWrite: true)
    _ = machine.step()
    return machine
}

/// A run whose failure for want of an answer is being stored.
private func storingUnanswered() throws -> RunStateMachine {
    var machine = try awaiting()
    machine.timerDidFire(.answer(eventCount: machine.log.eventCount))
    _ = machine.step()
    machine.signalsDidArrive([], now: time)
    _ = machine.step()
    machine.stepDidSucceed()
    _ = machine.step()
    return machine
}

private func outcome(_ body: () throws -> Void) throws -> String {
    do {
        try body()
        return ""
    } catch is CancellationError {
        return "CancellationError"
    } catch let error as ACPError {
        return error.code.rawValue
    }
}

extension RunStateMachine {
    fileprivate struct NotExpected: Error {}

    fileprivate mutating func step() -> Step? { nextStep(isLeaseHeld: true, now: time) }

    var name: String {
        let state =
            switch state {
            case .creating(let creation): "creating\(creation.outcome == nil ? "" : ", ends then")"
            case .queued(let isAdmitted): isAdmitted ? "queued" : "queued, not admitted"
            case .running: "running"
            case .awaiting(let question): question.isOverdue ? "awaiting, overdue" : "awaiting"
            case .leaving(let leaving): leaving.isAnswered ? "leaving, answered" : "leaving"
            case .dormant: "dormant"
            case .cancelling: "cancelling"
            case .ending(let ending):
                "ending(\(ending.stage.name))\(ending.question == nil ? "" : ", unanswered")"
            case .ended: "ended"
            case .abandoned(let error): "abandoned(\(error.code))"
            }
        let writer: String? =
            switch writer {
            case .none: nil
            case .ready: "writer ready"
            case .performing: "writing"
            case .failed: "writer will pause"
            case .pausing: "writer pauses"
            }
        return writer.map { "\(state), \($0)" } ?? state
    }
}

extension RunStateMachine.Ending.Stage {
    fileprivate var name: String {
        switch self {
        case .confirming: "confirming"
        case .savingSession: "saving session"
        case .composing: "composing"
        case .storing: "storing"
        case .storingFailure: "storing failure"
        case .passingTurn: "passing turn"
        }
    }
}

extension RunStateMachine.Action {
    fileprivate var name: String {
        switch self {
        case .startWriter: "start writer"
        case .cancelHandler: "cancel handler"
        case .startTimer(let timer, _): "start \(timer.kind) timer"
        case .stopTimer(let kind): "stop \(kind) timer"
        case .resume: "resume"
        case .notify(let change):
            switch change {
            case .refused: "notify refused"
            case .awaiting: "notify awaiting"
            case .resumed: "notify resumed"
            case .ending: "notify ending"
            case .ended: "notify ended"
            case .left: "notify left"
            case .abandoned: "notify abandoned"
            }
        case .log(let entry):
            switch entry {
            case .storageFailed: "log failing storage"
            case .graceExceeded: "log grace exceeded"
            case .leftWithHandler: "log left with handler"
            case .cancelledWhileEnding: "log cancelled while ending"
            case .sessionNotSaved: "log session not saved"
            case .turnNotPassed: "log turn not passed"
            case .damaged: "log damage"
            case .abandoned: "log abandoned"
            case .failed: "log failure"
            }
        }
    }
}
