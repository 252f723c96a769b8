// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The life of one run in the process that executes it, as a value: no I/O, no lock, no task, no clock.
///
/// Every input is a method. What has to be done because of it is appended to a list of ``Action``s, which ``takeActions()``
/// hands over in order. What the storage is asked for is not an action: a *writer* asks for one ``Step`` after the other
/// (``nextStep(isLeaseHeld:now:)``), performs it, and reports how it went. There is one writer at a time, hence one commit.
///
/// ```
///                 stored          begin            ask
///   creating ───────────► queued ───────► running ◄────► awaiting
///      │  └──────── stored, begins ─────────▲ │  answer     │
///      │                                      ▼ cancel       │ cancel
///      │ cancelled, or in doubt           cancelling ◄───────┘
///      │                                      │ ended, grace period over
///      └──────────────► ending ◄──────────────┴── from every state above
///                          │ the end is stored
///                          ▼
///                        ended            abandoned ◄── from every state but `ended`
/// ```
struct RunStateMachine {
    /// What of a run never changes.
    struct Identity: Sendable {
        let run: RunID
        let owner: RunOwner
        let session: SessionID
        /// What the run was called with. Nil if that is stored already.
        let input: Encoded<[Message]>?
        /// Whether the next run of the session has to be told when this one has ended.
        let takesTurns: Bool
    }

    enum State {
        /// The first commit is on its way.
        case creating(Creation)
        /// The run is stored; its handler has not begun. It is not admitted as long as it may still be refused because of another
        /// run of its session.
        case queued(isAdmitted: Bool)
        /// The handler runs.
        case running
        /// The handler has asked, and waits for the answer.
        case awaiting(Question)
        /// The handler was asked to stop, and goes on until it does or the grace period is over.
        case cancelling
        /// The handler has ended or counts as ended; the run's end is being stored.
        case ending(Ending)
        /// The run's end is stored, and nothing is left to do.
        case ended
        /// This process may not, or cannot, write the run.
        case abandoned(StorageError)
    }

    /// A run that is being created.
    struct Creation {
        /// Whether the run begins with the same commit.
        let begins: Bool
        /// Whether the run may be stored although no attempt has succeeded.
        var isInDoubt = false
        /// How the run ends as soon as it is stored, if somebody has ended it meanwhile.
        var outcome: RunOutcome?
    }

    /// A question that waits for its answer.
    struct Question {
        /// How many events there were when the run began to await the answer. Tells the questions of a run apart.
        let eventCount: Int
        /// Whether the deadline has passed. The answer may be stored all the same.
        var isOverdue = false
    }

    /// A run whose end is being stored.
    struct Ending {
        enum Stage {
            /// Makes sure that this process still owns the run.
            case confirming
            /// Stores that there is such a session, for a run that leaves no history.
            case savingSession
            /// Adds the last event.
            case composing
            /// Stores the last event.
            case storing
            /// Stores a run as failed whose documents in storage are damaged.
            case storingFailure(StorageError)
            /// Tells the next run of the session.
            case passingTurn
        }

        let outcome: RunOutcome
        var stage = Stage.confirming
        /// Whether the run leaves what it has said in its session's history.
        var leavesHistory = false
        /// What is logged of a failure. Nil once it is logged.
        var report: FailureReport?
        /// Whether a commit has been asked for that shows whether this process still owns the run.
        var isConfirmed = false
    }

    /// Whether somebody writes.
    enum Writer {
        case none
        /// A step has yet to be asked for.
        case ready
        /// A step is being performed, after so many attempts that have failed.
        case performing(Step, failures: Int)
        /// A step has failed so many times, and is performed again after a pause.
        case failed(Step, failures: Int)
        /// The pause is on.
        case pausing(Step, failures: Int)
    }

    /// Why the storage has not taken a step yet.
    struct Trouble {
        /// What the last attempt has thrown.
        var error: StorageError
        /// Whether it has lasted for longer than callers wait.
        var isLasting = false
    }

    let identity: Identity
    var state: State
    var composer: RunComposer
    var log: RunLog
    /// What the handler has to repeat before it says something new.
    var replay: Replay?
    var writer = Writer.none
    var trouble: Trouble?
    /// Tells one trouble's timer from the next one's.
    var troubleCount = 0
    /// Whether the handler has been called and has not ended.
    var isHandlerActive = false
    /// The answer that the handler has not taken yet, and its question's number.
    var delivered: (eventCount: Int, answer: AwaitResume)?
    /// The last moment at which the run had ended or asked something, as far as that is stored.
    var settlement: Settlement?
    var nextSettlement: Settlement?
    /// Why the run was not created.
    var creationFailure: (any Error)?
    /// The run before its end was composed, in case the end has to be another one.
    var composerBeforeEnd: RunComposer?
    /// The run's end, where it is not the next event for those who have read the run so far: what was stored of the run before
    /// is gone in part.
    var detachedEnd: EncodedEvent?
    var waiters = Waiters()
    private var activeTimers: Set<TimerKind> = []
    private var actions: [Action] = []

    /// A run that is to be created.
    init(creating run: Run, identity: Identity) {
        self.identity = identity
        composer = RunComposer(run)
        log = RunLog()
        state = .creating(Creation(begins: false))
    }

    /// A run that another process has created, as it is stored.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - eventCount: How many events it has.
    ///   - replay: What its handler has to repeat, if it is to run again.
    ///   - identity: What never changes, with the owner as whom this process has claimed the run.
    init(recovering run: Run, eventCount: Int, replay: Replay?, identity: Identity) {
        self.identity = identity
        composer = RunComposer(run)
        log = RunLog(committed: eventCount)
        state = run.status == .created ? .queued(isAdmitted: true) : .running
        self.replay = replay.flatMap { $0.isOver ? nil : $0 }
    }

    // MARK: - Actions

    /// What has to be done because of an input. No action fails, and none takes time.
    enum Action {
        /// Start a task that performs steps.
        case startWriter
        /// Cancel the handler's task.
        case cancelHandler
        /// Start a timer, in place of one of the same kind.
        case startTimer(Timer, Delay)
        case stopTimer(TimerKind)
        /// Resume a waiter.
        case resume(Waiters.ID)
        /// Tell the engine.
        case notify(Change)
        case log(LogEntry)
    }

    enum TimerKind: Hashable {
        /// How long a run may await an answer.
        case answer
        /// How long a handler may go on after it was asked to stop.
        case grace
        /// How long callers wait while the storage fails.
        case patience
    }

    /// A timer, and what it was started for.
    enum Timer: Hashable {
        case answer(eventCount: Int)
        case grace
        case patience(trouble: Int)

        var kind: TimerKind {
            switch self {
            case .answer: .answer
            case .grace: .grace
            case .patience: .patience
            }
        }
    }

    /// When a timer fires.
    enum Delay {
        case until(Timestamp)
        /// After what the engine's configuration says for timers of the kind.
        case configured
    }

    /// What the engine has to know of a run.
    enum Change {
        /// The storage did not take the run when it was to be created.
        case refused(StorageError)
        case awaiting
        case resumed
        /// The handler has ended, or counts as ended.
        case ending
        case ended
        /// The run is not written here any more.
        case abandoned(StorageError)
    }

    enum LogEntry {
        case storageFailed(StorageError)
        case graceExceeded
        case cancelledWhileEnding
        case sessionNotSaved(StorageError)
        case turnNotPassed(StorageError)
        case damaged(StorageError)
        case abandoned(StorageError)
        case failed(FailureReport)
    }

    /// A failed run, as the log has it.
    struct FailureReport {
        let failure: ACPError
        /// What the handler has thrown. Nil if it has not thrown, or if the run has failed for another reason.
        let thrown: (any Error)?
        let isByHandler: Bool
    }

    /// Whether there is something to be done.
    var hasActions: Bool { !actions.isEmpty }

    /// Hands over what has to be done, in order.
    mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions = [] }
        return actions
    }

    mutating func act(_ action: Action) { actions.append(action) }

    mutating func startTimer(_ timer: Timer, _ delay: Delay) {
        activeTimers.insert(timer.kind)
        act(.startTimer(timer, delay))
    }

    mutating func stopTimer(_ kind: TimerKind) {
        if activeTimers.remove(kind) != nil { act(.stopTimer(kind)) }
    }

    /// Resumes everybody whose condition is met now.
    mutating func resumeWaiters() {
        guard !waiters.isEmpty else { return }
        let met = waiters.conditions.filter { isMet($0.condition) }
        for waiter in met where waiters.remove(waiter.id) { act(.resume(waiter.id)) }
    }

    /// Sees to it that what there is to write is written.
    mutating func write() {
        guard case .none = writer, hasWork else { return }
        writer = .ready
        act(.startWriter)
    }

    mutating func append(_ change: StatusChange) {
        log.append(change)
        if composer.run.status.isSettled {
            nextSettlement = Settlement(run: composer.run, json: change.runJSON, eventCount: log.eventCount)
        }
    }

    // MARK: - What the state says

    /// The run's status at this moment, which may be ahead of the storage.
    var status: RunStatus {
        if case .creating(let creation) = state, case .cancelled = creation.outcome { return .cancelling }
        // The question has been answered: that is why the handler runs again.
        let isAnswered = replay != nil && composer.run.status == .awaiting
        return isAnswered ? .inProgress : composer.run.status
    }

    /// Whether the run waits: for an answer, or to begin.
    var isIdle: Bool {
        switch state {
        case .queued, .awaiting: true
        default: false
        }
    }

    var isQueued: Bool { if case .queued = state { true } else { false } }

    /// Whether this process writes the run.
    var isOwned: Bool { if case .abandoned = state { false } else { true } }

    /// Whether the run has ended here.
    var isOver: Bool {
        switch state {
        case .ended, .abandoned: true
        default: false
        }
    }

    /// Whether the run is known to be in storage.
    var isStored: Bool { log.committed > 0 && isOwned }
}

/// A moment at which a caller has a response: the run had ended, or asked something.
struct Settlement {
    let run: Run
    let json: [UInt8]
    let eventCount: Int
}
