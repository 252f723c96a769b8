// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPTestSupport
import Testing

@testable import ACPRuntime

/// The state machine under inputs in random order, against a model of a storage and of the performer of its actions.
@Suite("State machine of a run under random inputs")
struct RunStateMachinePropertyTests {
    @Test("The invariants hold for random inputs in random order", arguments: 0..<64)
    func randomInputs(_ block: UInt64) throws {
        for seed in RandomCases.some(of: (block * 250)..<(block * 250 + 250)) {
            var world = try World(seed: seed)
            for _ in 0..<world.random(in: 5...60) { try world.step() }
            try world.settle()
            try world.check()
        }
    }
}

/// The environment of one state machine.
private struct World {
    private var machine: RunStateMachine
    private var generator: SeededGenerator
    let seed: UInt64
    private let shouldStart: Bool

    // The storage.
    private var stored: [EncodedEvent] = []
    private var hasHistory = false
    private var isCancelSignalled = false
    private var answered: Set<Int> = []
    /// Whether the time for creating the run is over.
    private var isLate = false

    // The performer.
    private var current: RunStateMachine.Step?
    private var isWriting = true
    private var timers: [RunStateMachine.TimerKind: RunStateMachine.Timer] = [:]
    private var isHandlerAtWork = false
    private var isHandlerCalled = false
    private var waiting: [RunStateMachine.Waiters.ID: RunStateMachine.Condition] = [:]
    private var log: [String] = []
    private var abandonments = 0
    private var ends = 0
    private var departures = 0

    init(seed: UInt64) throws {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        shouldStart = Bool.random(using: &generator)
        let run = Run(agentName: "a", sessionID: "s")
        machine = RunStateMachine(
            creating: run,
            identity: RunStateMachine.Identity(
                run: run.id, owner: RunOwner(process: ProcessID(rawValue: "p")), session: "s", input: nil,
                isTurnBased: Bool.random(using: &generator)))
        try machine.create(shouldStart: shouldStart)
    }

    mutating func random(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    private func failure(_ text: String) -> Broken {
        Broken(text: "seed \(seed): \(text)\n\(log.joined(separator: "\n"))")
    }

    // MARK: One step

    mutating func step() throws {
        switch random(in: 0...22) {
        case 0...4: try write()
        case 5:
            try apply("admit and begin") { machine in
                machine.admit()
                return machine.begin(now: .now)
            }
        case 6, 7: try callHandler()
        case 8, 9: try say()
        case 10: try ask()
        case 11:
            try apply("answer") { machine in
                guard let count = machine.awaitedCount else { return }
                _ = machine.answer(.message(Message("yes")), to: count, now: .now)
            }
        case 12: try endHandler()
        case 13: if random(in: 0...3) == 0 { try apply("cancel") { _ = $0.cancel() } }
        case 14: if random(in: 0...7) == 0 { isCancelSignalled = true }
        case 15: if random(in: 0...7) == 0 { try apply("end") { $0.end(.failed(ACPError(.serverError, "shut down"))) } }
        case 16: try fireTimer()
        case 17: if let count = machine.awaitedCount, random(in: 0...3) == 0 { answered.insert(count) }
        case 18, 19: try leave()
        case 20:
            if random(in: 0...15) == 0 { try apply("abandon") { $0.abandon(StorageError(.closed, "shut down")) } }
        case 21: if random(in: 0...3) == 0 { isLate = true }
        default: try wait()
        }
    }

    private mutating func leave() throws {
        guard let count = machine.awaitedCount else { return }
        let hasAll = stored.count == machine.log.eventCount
        var departure: RunStateMachine.Departure?
        try apply("leave") { departure = $0.leave(count, unlessDueBefore: Timestamp(microseconds: 0)) }
        guard departure == .begun else { return }
        if !hasAll { throw failure("it leaves memory before everything is stored") }
        if isWriting { throw failure("it leaves memory while it is written") }
    }

    private mutating func apply<Result>(_ name: String, _ input: (inout RunStateMachine) throws -> Result) throws {
        _ = try? input(&machine)
        log.append("\(name): \(machine.name)")
        for action in machine.takeActions() { try perform(action) }
        for (id, condition) in waiting where machine.isMet(condition) {
            throw failure("waiter \(id) for \(condition) was not resumed")
        }
    }

    private mutating func perform(_ action: RunStateMachine.Action) throws {
        switch action {
        case .startWriter:
            if isWriting { throw failure("two writers at once") }
            isWriting = true
        case .cancelHandler:
            if !isHandlerAtWork { throw failure("a handler is cancelled that is not at work") }
        case .startTimer(let timer, _): timers[timer.kind] = timer
        case .stopTimer(let kind): timers[kind] = nil
        case .resume(let id):
            guard waiting.removeValue(forKey: id) != nil else { throw failure("waiter \(id) is resumed twice") }
        case .notify(.abandoned): abandonments += 1
        case .notify(.ended): ends += 1
        case .notify(.left(let eventCount, _, _)):
            departures += 1
            if stored.count != eventCount || stored.last?.kind != .runAwaiting {
                throw failure("it has left memory, and its question is not the last event that is stored")
            }
        case .notify, .log: break
        }
    }

    private mutating func callHandler() throws {
        guard !isHandlerCalled, !isWriting || !shouldStart else { return }
        var isCalled = false
        isHandlerAtWork = true
        try apply("call handler") { isCalled = $0.handlerWillBegin() }
        (isHandlerCalled, isHandlerAtWork) = (isCalled, isCalled)
    }

    private mutating func say() throws {
        guard isHandlerAtWork else { return }
        try apply("emit") { machine in _ = try machine.emit { try $0.add(.text("x"), now: .now) } }
    }

    private mutating func ask() throws {
        guard isHandlerAtWork else { return }
        let deadline: Timestamp? = Bool.random(using: &generator) ? .now : nil
        try apply("ask") { machine in
            _ = try machine.ask(.message(Message("?", role: .agent("a"))), deadline: deadline, now: .now)
        }
    }

    private mutating func endHandler() throws {
        guard isHandlerAtWork else { return }
        isHandlerAtWork = false
        let outcome: RunOutcome = random(in: 0...3) == 0 ? .failed(ACPError(.serverError, "no")) : .completed
        let canWrite = Bool.random(using: &generator)
        var isWriter = false
        try apply("handler ends") { isWriter = $0.handlerDidEnd(outcome, thrown: nil, canWrite: canWrite) }
        if isWriter {
            if isWriting { throw failure("two writers at once") }
            isWriting = true
        }
    }

    private mutating func fireTimer() throws {
        guard let timer = timers.values.randomElement(using: &generator) else { return }
        timers[timer.kind] = nil
        try apply("\(timer)") { $0.timerDidFire(timer) }
    }

    private mutating func wait() throws {
        let conditions: [RunStateMachine.Condition] = [
            .created, .settled(after: random(in: 0...3)), .awaitStored, .idleStateStored, .logStored, .handlerInactive,
            .over(ignoringTimeout: Bool.random(using: &generator)), .events(from: random(in: 0...12)), .logCapacity,
        ]
        guard let condition = conditions.randomElement(using: &generator), !machine.isMet(condition) else { return }
        let id = machine.waiters.makeID()
        machine.waiters.add(id, condition)
        waiting[id] = condition
    }

    // MARK: The storage

    /// The writer's next move: it requests a step, or reports the result of its step.
    private mutating func write(isHealthy: Bool = false) throws {
        guard isWriting else { return }
        guard let step = current else {
            let isLeaseHeld = random(in: 0...3) != 0
            var next: RunStateMachine.Step?
            let now = isLate ? Timestamp.now + RunCommit.deletionPeriod : .now
            try apply("next step") { next = $0.nextStep(isLeaseHeld: isLeaseHeld, now: now) }
            guard let next else { return isWriting = false }
            if case .pause = next { return }
            if isLate, case .commit(let commit, _) = next, commit.expecting == 0, commit.snapshot != nil {
                throw failure("it creates the run when that is not allowed any more")
            }
            current = next
            var second: RunStateMachine.Step?
            try apply("second writer") { second = $0.nextStep(isLeaseHeld: true, now: .now) }
            if second != nil { throw failure("two steps at once") }
            return
        }
        current = nil
        let luck = isHealthy ? 0 : random(in: 0...9)
        switch step {
        case .commit(let commit, let leavesHistory): try store(commit, leavesHistory: leavesHistory, luck: luck)
        case .readSignals(let eventCount):
            if luck < 7 {
                if luck >= 3 { answered.insert(eventCount) }
                let signals: [RunSignal] =
                    answered.contains(eventCount)
                    ? [.resume(.message(Message("in time")), eventCount: eventCount)] : []
                try apply("signals") { $0.signalsDidArrive(signals, now: .now) }
            } else {
                try fail(.cannotConnect)
            }
        case .storeFailure(_, let run):
            guard luck < 7 else { return try fail(.cannotConnect) }
            if stored.last?.kind.isTerminal == true, let ended = try stored.last?.decode().run {
                let count = stored.count
                return try apply("ended already") { $0.failureDidSucceed(ended, nil, eventCount: count) }
            }
            var composer = RunComposer(run)
            let change = try composer.end(.failed(ACPError(.serverError, "damaged")), now: .now)
            stored.append(change.event)
            let count = stored.count
            try apply("failure stored") { $0.failureDidSucceed(composer.run, change, eventCount: count) }
        case .saveSession, .passTurn:
            if luck < 7 { try apply("step done") { $0.stepDidSucceed() } } else { try fail(.cannotConnect) }
        case .pause: break
        }
    }

    private mutating func store(_ commit: RunCommit, leavesHistory: Bool, luck: Int) throws {
        switch luck {
        case 0...5: break
        case 6: return try fail(.full)
        case 7:
            if Bool.random(using: &generator) { try take(commit, leavesHistory: leavesHistory) }
            return try fail(.outcomeUnknown)
        case 8: return try fail(random(in: 0...5) == 0 ? .fenced : .timedOut)
        default: return try fail(random(in: 0...5) == 0 ? .incomplete : .cannotConnect)
        }
        if stored.isEmpty, commit.snapshot == nil { return try fail(.notFound) }
        if !has(commit) {
            if isCancelSignalled, commit.isRefusedAfterCancel { return try fail(.cancelled) }
            if isRefusedAsAnswered(commit) { return try fail(.answered) }
        }
        try take(commit, leavesHistory: leavesHistory)
        try apply("committed") { $0.stepDidSucceed() }
    }

    private mutating func take(_ commit: RunCommit, leavesHistory: Bool) throws {
        if stored.isEmpty, commit.snapshot == nil { return }
        if has(commit) || isCancelSignalled && commit.isRefusedAfterCancel || isRefusedAsAnswered(commit) { return }
        guard commit.expecting == stored.count else {
            throw failure("a commit expects \(commit.expecting) events where there are \(stored.count)")
        }
        stored += commit.events
        if leavesHistory {
            if hasHistory { throw failure("the run leaves its history twice") }
            hasHistory = true
        }
    }

    private func isRefusedAsAnswered(_ commit: RunCommit) -> Bool {
        commit.unansweredQuestion.map(answered.contains) ?? false
    }

    /// Whether this repeats the last commit.
    private func has(_ commit: RunCommit) -> Bool {
        stored.count == commit.expecting + commit.events.count
            && stored.suffix(commit.events.count).elementsEqual(commit.events)
    }

    private mutating func fail(_ code: StorageError.Code) throws {
        try apply("step fails: \(code)") { $0.stepDidFail(StorageError(code, "it does")) }
    }

    // MARK: The end

    /// From now on the storage works, the handler stops, and time passes.
    mutating func settle() throws {
        for _ in 0..<200 {
            try write(isHealthy: true)
            if isWriting { continue }
            if !isHandlerCalled { try callHandler() }
            if isHandlerAtWork {
                try endHandler()
            } else if !timers.isEmpty {
                try fireTimer()
            } else if machine.isQueued {
                try apply("cancel") { _ = $0.cancel() }
            } else {
                break
            }
        }
    }

    func check() throws {
        guard machine.isOver else { throw failure("it has not ended, and nothing is left that could end it") }
        guard !isWriting, current == nil else { throw failure("it is written still") }
        guard waiting.isEmpty else { throw failure("some wait still: \(waiting)") }
        guard ends + abandonments + departures == 1 else {
            throw failure("\(ends) ends, \(abandonments) abandonments, \(departures) departures")
        }
        let terminal = stored.indices.filter { stored[$0].kind.isTerminal }
        guard terminal.count <= 1 else { throw failure("more than one terminal event") }
        guard terminal.allSatisfy({ $0 == stored.count - 1 }) else { throw failure("an event after the terminal one") }
        if ends == 1, terminal.isEmpty { throw failure("it has ended without a terminal event") }
        if stored.isEmpty, machine.creationFailure == nil { throw failure("its caller takes it for created") }
        let refusals: Set<StorageError.Code> = [.refused, .full, .cannotConnect, .timedOut]
        if !stored.isEmpty, let error = machine.creationFailure as? StorageError, refusals.contains(error.code) {
            throw failure("its caller takes it for refused")
        }
        if hasHistory, stored.last?.kind != .runCompleted {
            throw failure("a run leaves its history that was not completed")
        }
        guard timers.isEmpty else { throw failure("timers run still: \(timers.keys)") }
    }
}

private struct Broken: Error, CustomStringConvertible {
    let text: String
    var description: String { text }
}
