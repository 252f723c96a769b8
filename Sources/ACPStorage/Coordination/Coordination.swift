// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Heartbeats, signals, queues and notifications for the server processes that use one storage.
///
/// Signals are stored before they are announced, so that a signal to a process that does not listen yet is found later.
/// Announcements and changes carry no data: a process that is woken reads the storage.
public protocol Coordination: Sendable {
    // MARK: Processes

    /// Stores a heartbeat of a process, which marks it as alive for the given time. Repeat the call well before the
    /// time has passed.
    ///
    /// A heartbeat requires the same as a commit, as far as the storage can check that at little cost: it fails if no
    /// run can be created because the storage is read-only or full, or because a permission is missing.
    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws

    /// Returns the processes whose heartbeat has not expired.
    func liveProcesses() async throws -> Set<ProcessID>

    /// Returns the processes that have ended and have not been removed by ``forget(_:)``.
    ///
    /// A process has ended when its heartbeat has expired or after ``leave(_:)``. It may have left orphaned runs, which
    /// ``Storage/runs(ownedBy:limit:)`` returns.
    func lostProcesses() async throws -> Set<ProcessID>

    /// Marks a process as ended before its heartbeat expires, and wakes the other processes so that they take over its
    /// runs.
    func leave(_ process: ProcessID) async throws

    /// Removes a process that has ended and owns no unfinished runs. Does nothing if the process is alive again.
    func forget(_ process: ProcessID) async throws

    // MARK: Signals

    /// Stores a signal for a run and wakes the process that currently owns the run.
    ///
    /// - Parameters:
    ///   - signal: The signal. Of several signals with the same ``EncodedSignal/key``, the first one is kept.
    ///   - run: The run.
    /// - Returns: Whether the signal was stored: `false` if there is one with the same key already. The owner is woken
    ///   in either case.
    @discardableResult
    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool

    /// Returns all signals that were sent to a run, in no particular order. ``signals(to:)`` decodes them.
    ///
    /// Reading does not remove signals: an answer is required again when a run is replayed.
    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>]

    /// Removes the signals of a run that has ended.
    func forgetSignals(to run: RunID) async throws

    /// Returns a stream that wakes a process when one of its runs receives a signal, and when another process has left.
    ///
    /// Announcements after the return of this method are delivered.
    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement>

    // MARK: Turns

    /// Appends a run to a session's queue, in which the runs of the session wait for their turn. Atomic.
    ///
    /// A run that is queued already keeps its position.
    ///
    /// - Returns: The first run of the queue, whose turn it is.
    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID

    /// Removes a run from any position of a session's queue. Does nothing if the run is not queued.
    ///
    /// - Returns: The first run of the queue, whose turn it is now, or `nil` if the queue is empty.
    @discardableResult
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID?

    // MARK: Changes

    /// Returns a stream that wakes a watcher after each commit to a run.
    ///
    /// Commits after the return of this method are delivered. Wakes that arrive while the reader is busy are merged
    /// into one.
    func changes(of run: RunID) async throws -> AsyncStream<Void>

    /// Returns the name of a signal to a run for error messages: see ``Storage/name(of:)``.
    func signalName(of run: RunID) -> String
}

/// A notification to a process.
public enum SignalAnnouncement: Sendable, Hashable {
    /// There is a signal for this run.
    case signal(RunID)
    /// Another process has ended. It may have left orphaned runs.
    case departure
    /// Announcements may have been lost: check all runs of the process.
    case gap
}

/// A signal as it is stored.
public struct EncodedSignal: Sendable, Hashable {
    /// The key that all signals with the same meaning share: see ``RunSignal/key``.
    public let key: String
    /// The signal's JSON, which is stored.
    public let document: Encoded<RunSignal>

    /// Encodes a signal.
    ///
    /// - Throws: ``StorageError`` with code `refused` if the signal holds a value that JSON cannot represent.
    public init(_ signal: RunSignal) throws(StorageError) {
        key = signal.key
        document = try Encoded(signal, as: "the signal")
    }
}

/// A signal to the owner of a run.
public enum RunSignal: Sendable, Hashable, Codable {
    /// Cancel the run.
    case cancel
    /// Resume the run with an answer to its question.
    ///
    /// `eventCount` is the number of events that the run had when it asked the question. It distinguishes the run's
    /// questions: of several answers to the same question, one is accepted.
    case resume(AwaitResume, eventCount: Int)
    /// Start the run: it is its turn in its session (``Coordination/enqueue(_:in:)``).
    case proceed

    /// The key that all signals with the same meaning share.
    public var key: String {
        switch self {
        case .cancel: "cancel"
        case .resume(_, let eventCount): Self.answerKey(eventCount)
        case .proceed: "proceed"
        }
    }

    /// Returns the key of the answers to a question.
    ///
    /// - Parameter eventCount: The number of events that the run had when it asked the question.
    public static func answerKey(_ eventCount: Int) -> String { "resume:\(eventCount)" }
}
