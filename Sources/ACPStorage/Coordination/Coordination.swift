// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// How server processes on one storage talk to each other.
///
/// Signals are stored before they are announced, so that one sent while nobody listens is found later. Announcements
/// and changes only wake: whoever is woken reads the storage, which has the truth.
public protocol Coordination: Sendable {
    // MARK: Processes

    /// Says that a process is alive, for the given time. To be repeated well before that has passed.
    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws

    /// The processes whose heartbeat has not run out.
    func liveProcesses() async throws -> Set<ProcessID>

    /// Says that a process has ended, without waiting for its heartbeat to run out.
    func leave(_ process: ProcessID) async throws

    // MARK: Signals

    /// Stores a signal for a run and wakes the process that owns it.
    ///
    /// - Parameters:
    ///   - signal: The signal. Of two with the same ``RunSignal/key`` the first one counts.
    ///   - run: The run it is meant for.
    ///   - process: The process that owns the run, if that is known.
    /// - Returns: False if there was one with the same key before.
    @discardableResult
    func send(_ signal: RunSignal, to run: RunID, ownedBy process: ProcessID?) async throws -> Bool

    /// All signals that were sent to a run, in no particular order. They stay: an answer is needed again when a run is
    /// replayed.
    func signals(to run: RunID) async throws -> [RunSignal]

    /// Forgets the signals of a run that has ended.
    func forgetSignals(to run: RunID) async throws

    /// Wakes a process when a run of its own has got a signal. Listening has begun when this returns.
    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement>

    // MARK: Changes

    /// Wakes whoever watches a run, after each commit to it. Watching has begun when this returns; wakes that come
    /// while the reader is busy are merged into one.
    func changes(of run: RunID) async throws -> AsyncStream<Void>
}

/// What wakes a process.
public enum SignalAnnouncement: Sendable, Hashable {
    /// There is a signal for this run.
    case signal(RunID)
    /// Announcements may have been lost: look at all runs of the process.
    case gap
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

    /// What two signals have in common that mean the same thing.
    public var key: String {
        switch self {
        case .cancel: "cancel"
        case .resume(_, let eventCount): "resume:\(eventCount)"
        }
    }
}
