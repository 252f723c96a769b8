// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// How server processes on one storage talk to each other.
///
/// Signals are stored before they are announced, so that one sent while nobody listens is found later. Announcements
/// and changes only wake: whoever is woken reads the storage, which has the truth.
public protocol Coordination: Sendable {
    // MARK: Processes

    /// Says that a process is alive, for the given time. To be repeated well before that has passed.
    ///
    /// It needs what a commit needs, as far as the storage can tell at little cost: it fails where no run can be created, because the
    /// storage is read-only or out of room, or a permission is missing.
    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws

    /// The processes whose heartbeat has not run out.
    func liveProcesses() async throws -> Set<ProcessID>

    /// The processes that have ended (their heartbeat ran out, or they left) and that nobody has forgotten since: they
    /// may have left unfinished runs behind (``Storage/runs(ownedBy:limit:)``).
    func lostProcesses() async throws -> Set<ProcessID>

    /// Says that a process has ended, without waiting for its heartbeat to run out, and wakes the others to take over
    /// what it has left. It counts as lost from now on.
    func leave(_ process: ProcessID) async throws

    /// Forgets a process that is lost: it owns nothing any more. One that has come back to life stays.
    func forget(_ process: ProcessID) async throws

    // MARK: Signals

    /// Stores a signal for a run and wakes the process that owns the run at this moment.
    ///
    /// - Parameters:
    ///   - signal: The signal. Of two with the same ``EncodedSignal/key`` the first one counts.
    ///   - run: The run it is meant for.
    /// - Returns: False if there was one with the same key before. The owner is woken in either case.
    @discardableResult
    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool

    /// All signals that were sent to a run, in no particular order. They stay: an answer is needed again when a run is
    /// replayed. ``signals(to:)`` decodes them.
    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>]

    /// Forgets the signals of a run that has ended.
    func forgetSignals(to run: RunID) async throws

    /// Wakes a process when a run of its own has got a signal, and when another process has left. Listening has begun when
    /// this returns.
    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement>

    // MARK: Turns

    /// Puts a run at the end of a session's queue, where runs of the session have to follow each other. One that stands
    /// there already keeps its place. Atomic.
    ///
    /// - Returns: The run whose turn it is: the first of the queue.
    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID

    /// Takes a run out of a session's queue, wherever it stands. Nothing happens if it does not.
    ///
    /// - Returns: The run whose turn it is now, or nil if the queue is empty.
    @discardableResult
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID?

    // MARK: Changes

    /// Wakes whoever watches a run, after each commit to it. Watching has begun when this returns; wakes that come
    /// while the reader is busy are merged into one.
    func changes(of run: RunID) async throws -> AsyncStream<Void>

    /// Names a signal to a run in error messages: see ``Storage/name(of:)``.
    func signalName(of run: RunID) -> String
}

/// What wakes a process.
public enum SignalAnnouncement: Sendable, Hashable {
    /// There is a signal for this run.
    case signal(RunID)
    /// A process has left. It may have left runs behind.
    case departure
    /// Announcements may have been lost: look at all runs of the process.
    case gap
}

/// A signal as it is stored.
public struct EncodedSignal: Sendable, Hashable {
    /// What two signals have in common that mean the same thing: see ``RunSignal/key``.
    public let key: String
    /// The signal: what is stored.
    public let document: Encoded<RunSignal>

    /// Encodes a signal.
    ///
    /// - Throws: ``StorageError`` with code `refused` if the signal holds something that JSON cannot.
    public init(_ signal: RunSignal) throws(StorageError) {
        key = signal.key
        document = try Encoded(signal, as: "the signal")
    }
}

/// Something that a run's owner is told by others.
public enum RunSignal: Sendable, Hashable, Codable {
    /// Stop the run.
    case cancel
    /// The answer to what the run awaits.
    ///
    /// `eventCount` is how many events the run had when it began to wait, which tells its awaits apart: an answer that
    /// comes twice, or from two callers at once, counts once.
    case resume(AwaitResume, eventCount: Int)
    /// It is the run's turn in its session (``Coordination/enqueue(_:in:)``).
    case proceed

    /// What two signals have in common that mean the same thing.
    public var key: String {
        switch self {
        case .cancel: "cancel"
        case .resume(_, let eventCount): "resume:\(eventCount)"
        case .proceed: "proceed"
        }
    }
}
