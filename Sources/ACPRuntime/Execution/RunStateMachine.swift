// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The states of one run in the process that executes it, as a value without I/O, lock, task or clock.
///
/// Every input is a method. It appends ``Action``s to a list, which ``takeActions()`` returns in order. Operations on
/// the storage are not actions: a *writer* takes one ``Step`` after the other (``nextStep(isLeaseHeld:now:)``),
/// performs it, and reports the result. There is at most one writer at a time, and therefore at most one commit.
///
/// ```
///               stored          begin            ask
/// creating ───────────► queued ───────► running ◄────► awaiting
///    │  └──────── stored, started ────────▲ │  answer     │
///    │                                      ▼ cancel       │ cancel
///    │ cancelled, or in doubt           cancelling ◄───────┘
///    │                                      │ ended, grace period over
///    └──────────────► ending ◄──────────────┴── from every state above
///                        │ the end is stored
///                        ▼
///                      ended            abandoned ◄── from every state but `ended` and `dormant`
///
///              leave            the handler has stopped
/// awaiting ───────────► leaving ───────────────────────► dormant
/// ```
struct RunStateMachine {
    /// The constant properties of a run.
    struct Identity: Sendable {
        let run: RunID
        let owner: RunOwner
        let session: SessionID
        /// The run's input. `nil` if it is stored already.
        let input: Encoded<[Message]>?
        /// Whether the run waits for its turn, and the next run of the session is notified when this one has ended.
        let isTurnBased: Bool

        /// Whether the run leaves neither a history nor a session.
        var isCompanion: Bool { run.isCompanion }
    }

    enum State {
        /// The first commit is in flight.
        case creating(Creation)
        /// The run is stored; its handler has not started. It is not admitted while it may still be refused because of
        /// another run of its session.
        case queued(isAdmitted: Bool)
        /// The handler runs.
        case running
        /// The handler has asked a question and waits for the answer.
        case awaiting(Question)
        /// The run awaits an answer, and leaves memory as soon as its handler has stopped or the grace period is over.
        case leaving(Leaving)
        /// The run awaits an answer and has left memory. It still belongs to this process, which continues it with
        /// another state machine.
        case dormant
        /// The handler was cancelled, and continues until it stops or the grace period is over.
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
        /// Whether the run starts with the same commit.
        let shouldStart: Bool
        /// Whether the run may be stored although no attempt has succeeded.
        var isInDoubt = false
        /// How the run ends as soon as it is stored, if it was ended in the meantime.
        var outcome: RunOutcome?
    }

    /// A question that awaits its answer.
    struct Question {
        /// The number of events when the run began to await the answer. It identifies the question within the run.
        let eventCount: Int
        /// Whether the deadline has passed. The answer may have been stored before it.
        var isOverdue = false
    }

    /// A run whose end is being stored.
    struct Ending {
        enum Stage {
            /// Verifies that this process still owns the run.
            case confirming
            /// Stores that the session exists, for a run that leaves no history.
            case savingSession
            /// Adds the last event.
            case composing
            /// Stores the last event.
            case storing
            /// Stores a run as failed whose stored documents are damaged.
            case storingFailure(StorageError)
            /// Notifies the next run of the session.
            case passingTurn
        }

        let outcome: RunOutcome
        var stage = Stage.confirming
        /// Whether the run's input and output are added to its session's history.
        var leavesHistory = false
        /// The failure to log. `nil` once it is logged.
        var report: FailureReport?
        /// Whether a commit was requested that shows whether this process still owns the run.
        var isConfirmed = false
        /// The question for whose missing answer the run fails. Its handler waits until that is stored: the storage
        /// refuses it if there is an answer, and then the run continues. `nil` if the handler does not wait.
        var question: Question?
        /// Whether the run was cancelled while its handler waits.
        var isCancelRequested = false
    }

    /// The state of the task that performs steps.
    enum Writer {
        /// There is no writer.
        case none
        /// The writer has to request its next step.
        case ready
        /// A step is being performed, after a number of failed attempts.
        case performing(Step, failures: Int)
        /// A step has failed a number of times, and is performed again after a pause.
        case failed(Step, failures: Int)
        /// The writer pauses.
        case pausing(Step, failures: Int)
    }

    /// A period during which the storage does not accept a step.
    struct Outage {
        /// The error of the last attempt.
        var error: StorageError
        /// Whether it has lasted for longer than the storage timeout.
        var isTimedOut = false
    }

    let identity: Identity
    var state: State
    var composer: RunComposer
    var log: RunLog
    /// What the handler has to repeat before it does anything new.
    var replay: Replay?
    var writer = Writer.none
    var outage: Outage?
    /// Distinguishes the timers of successive outages.
    var outageCount = 0
    /// Whether the handler has been called and has not ended.
    var isHandlerActive = false
    /// The answer that the handler has not taken yet, and the number of its question.
    var delivered: (eventCount: Int, answer: AwaitResume)?
    /// The last moment at which the run had ended or asked a question, as far as that is stored.
    var settlement: Settlement?
    var nextSettlement: Settlement?
    /// Whether the handler can be run again up to this point. It cannot if it has withdrawn a question.
    var isRepeatable = true
    /// Why the run was not created.
    var creationFailure: (any Error)?
    /// The run before its end was composed, in case it has to end in another way.
    var composerBeforeEnd: RunComposer?
    /// The run's end, if it is not the next event for those who have read the run so far, because events that were
    /// stored before are missing.
    var detachedEnd: EncodedEvent?
    var waiters = Waiters()
    private var activeTimers: Set<TimerKind> = []
    private var actions: [Action] = []

    /// Creates the state of a new run.
    init(creating run: Run, identity: Identity) {
        self.identity = identity
        composer = RunComposer(run)
        log = RunLog()
        state = .creating(Creation(shouldStart: false))
    }

    /// Creates the state of a run that another process has created.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - eventCount: The number of its events.
    ///   - replay: What its handler has to repeat, if it runs again.
    ///   - identity: The constant properties, with the owner as which this process has claimed the run.
    init(recovering run: Run, eventCount: Int, replay: Replay?, identity: Identity) {
        self.identity = identity
        composer = RunComposer(run)
        log = RunLog(committed: eventCount)
        state = run.status == .created ? .queued(isAdmitted: true) : .running
        self.replay = replay.flatMap { $0.isOver ? nil : $0 }
    }

    // MARK: - Actions

    /// What has to be done because of an input. No action fails or takes time.
    enum Action {
        /// Start a task that performs steps.
        case startWriter
        /// Cancel the handler's task.
        case cancelHandler
        /// Start a timer, replacing one of the same kind.
        case startTimer(Timer, Delay)
        case stopTimer(TimerKind)
        /// Resume a waiter.
        case resume(Waiters.ID)
        /// Notify the engine.
        case notify(Change)
        case log(LogEntry)
    }

    enum TimerKind: Hashable {
        /// The time that a run may await an answer.
        case answer
        /// The time that a handler may continue after it was cancelled.
        case grace
        /// The time that callers wait while the storage fails.
        case storage
    }

    /// A timer, and what it was started for.
    enum Timer: Hashable {
        case answer(eventCount: Int)
        case grace
        case storage(outage: Int)

        var kind: TimerKind {
            switch self {
            case .answer: .answer
            case .grace: .grace
            case .storage: .storage
            }
        }
    }

    /// When a timer fires.
    enum Delay {
        case until(Timestamp)
        /// After the time that the engine's configuration has for timers of the kind.
        case configured
    }

    /// A change of a run that concerns the engine.
    enum Change {
        /// The storage refused to create the run.
        case refused(StorageError)
        /// - Parameter eventCount: The number of events when the run began to await the answer.
        case awaiting(eventCount: Int)
        case resumed
        /// The handler has ended, or counts as ended.
        case ending
        case ended
        /// The run awaits an answer and has left memory.
        ///
        /// - Parameters:
        ///   - eventCount: The number of events when the run began to await the answer.
        ///   - deadline: When the run fails without an answer.
        ///   - isAnswered: Whether an answer was stored in the meantime.
        case left(eventCount: Int, deadline: Timestamp?, isAnswered: Bool)
        /// The run is not written here any more.
        case abandoned(StorageError)
    }

    enum LogEntry {
        case storageFailed(StorageError)
        case graceExceeded
        case leftWithHandler
        case cancelledWhileEnding
        case sessionNotSaved(StorageError)
        case turnNotPassed(StorageError)
        case damaged(StorageError)
        case abandoned(StorageError)
        case failed(FailureReport)
    }

    /// A failed run, as it is logged.
    struct FailureReport {
        let failure: ACPError
        /// The error that the handler has thrown. `nil` if it has not thrown, or if the run has failed for another
        /// reason.
        let thrown: (any Error)?
        let isByHandler: Bool
    }

    /// Whether there are actions to perform.
    var hasActions: Bool { !actions.isEmpty }

    /// Returns the actions that have to be performed, in order, and removes them.
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

    /// Resumes all waiters whose condition is met now.
    mutating func resumeWaiters() {
        guard !waiters.isEmpty else { return }
        let met = waiters.conditions.filter { isMet($0.condition) }
        for waiter in met where waiters.remove(waiter.id) { act(.resume(waiter.id)) }
    }

    /// Starts a writer if there is something to write and no writer.
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

    // MARK: - Queries

    /// The current status of the run, which may be ahead of the storage.
    var status: RunStatus {
        if case .creating(let creation) = state, case .cancelled = creation.outcome { return .cancelling }
        // The question was answered: that is why the handler runs again.
        let isAnswered = replay != nil && composer.run.status == .awaiting
        return isAnswered ? .inProgress : composer.run.status
    }

    /// Whether the run is idle: queued, or awaiting an answer.
    var isIdle: Bool {
        switch state {
        case .queued, .awaiting, .leaving: true
        default: false
        }
    }

    var isQueued: Bool { if case .queued = state { true } else { false } }

    /// Whether the run may be written here.
    var isOwned: Bool {
        switch state {
        case .abandoned, .dormant: false
        default: true
        }
    }

    /// Whether the run has ended here, or is not executed here any more.
    var isOver: Bool {
        switch state {
        case .ended, .abandoned, .dormant: true
        default: false
        }
    }

    /// Whether the run is known to be in storage.
    var isStored: Bool { log.committed > 0 && isOwned }
}

/// A moment at which callers get a response: the run had ended, or asked a question.
struct Settlement {
    let run: Run
    let json: [UInt8]
    let eventCount: Int
}
