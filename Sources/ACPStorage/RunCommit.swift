// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Foundation

/// What is written to a run in one atomic step.
public struct RunCommit: Sendable {
    public var run: RunID
    /// How many events the run has before this commit.
    public var expecting: Int
    /// The events to append. Their indexes are `expecting`, `expecting + 1`, …
    public var events: [EncodedEvent]
    /// The run as it stands after these events, where it is worth writing down: at changes of status, and when the log
    /// has grown by a good part since the last one. Always there in the first commit.
    public var snapshot: RunSnapshot?
    /// Who writes. The first commit makes it the run's owner.
    public var owner: RunOwner
    /// What the run was called with. In the first commit only: it never changes.
    public var input: Encoded<[Message]>?
    /// What the documents of this commit refer to and the run does not have yet. Stored in the same step.
    public var contents: [StoredContent]
    /// What the run leaves in the history of its session: comes with its end. Appended in the same step.
    public var history: HistoryAppend?

    public init(
        run: RunID,
        expecting: Int,
        events: [EncodedEvent],
        snapshot: RunSnapshot?,
        owner: RunOwner,
        input: Encoded<[Message]>? = nil,
        contents: [StoredContent] = [],
        history: HistoryAppend? = nil
    ) {
        self.run = run
        self.expecting = expecting
        self.events = events
        self.snapshot = snapshot
        self.owner = owner
        self.input = input
        self.contents = contents
        self.history = history
    }
}

extension RunCommit {
    /// Whether this commit ends the run, and not as cancelled: then it is refused once a cancel signal is stored for the run.
    public var isRefusedAfterCancel: Bool {
        guard let status = snapshot?.run.status else { return false }
        return status == .completed || status == .failed
    }
}

/// A block, and the session whose history it belongs to.
public struct HistoryAppend: Sendable, Hashable {
    public var session: SessionID
    public var block: HistoryBlock

    public init(_ block: HistoryBlock, to session: SessionID) {
        self.session = session
        self.block = block
    }
}

/// A run as it stood after some number of events.
public struct RunSnapshot: Sendable, Hashable {
    /// The run, for what storages look at: what listings go by (``RunSummary``), and the status.
    public var run: Run
    /// The run as JSON: what is stored. It may refer to contents that ``run`` holds.
    public var json: [UInt8]
    /// How many events are folded in: no more than the run has after the commit.
    public var eventCount: Int

    /// Encodes a run.
    public init(_ run: Run, eventCount: Int) throws(ACPError) {
        self.init(run, json: try ACPJSON.encode(run), eventCount: eventCount)
    }

    /// A run whose JSON is there already.
    public init(_ run: Run, json: [UInt8], eventCount: Int) {
        self.run = run
        self.json = json
        self.eventCount = eventCount
    }
}

/// What listings of runs go by.
public struct RunSummary: Sendable, Hashable, Codable {
    public var id: RunID
    public var agentName: AgentName
    public var sessionID: SessionID?
    public var status: RunStatus
    public var createdAt: Timestamp

    /// The summary of a run.
    public init(_ run: Run) {
        id = run.id
        agentName = run.agentName
        sessionID = run.sessionID
        status = run.status
        createdAt = run.createdAt
    }
}

/// A run as storage has it, in bytes: a snapshot, and what happened since. See ``RunRecord`` for what it means.
public struct StoredRun: Sendable, Hashable {
    public var id: RunID
    /// The run as it stood after ``coveredEvents`` events.
    public var snapshot: Encoded<Run>
    /// How many events the snapshot holds.
    public var coveredEvents: Int
    /// The events after those, oldest first.
    public var laterEvents: [EncodedEvent]
    /// Who may write the run. `nil` if it was saved by hand.
    public var owner: RunOwner?

    public init(
        id: RunID, snapshot: Encoded<Run>, coveredEvents: Int, laterEvents: [EncodedEvent], owner: RunOwner?
    ) {
        self.id = id
        self.snapshot = snapshot
        self.coveredEvents = coveredEvents
        self.laterEvents = laterEvents
        self.owner = owner
    }

    /// Decodes the snapshot.
    ///
    /// - Parameter what: What the snapshot is called in the error message. Defaults to "run ID".
    /// - Throws: ``StorageError`` with code `corruptData` if the snapshot cannot be read.
    public func record(_ what: @autoclosure () -> String? = nil) throws(StorageError) -> RunRecord {
        RunRecord(
            snapshot: try snapshot.decode(what() ?? StoredDocument.run(id).description),
            coveredEvents: coveredEvents, laterEvents: laterEvents, owner: owner)
    }
}

/// A run as storage has it, decoded: a snapshot, and what happened since.
public struct RunRecord: Sendable, Hashable {
    /// The run as it stood after ``coveredEvents`` events.
    public var snapshot: Run
    /// How many events the snapshot holds.
    public var coveredEvents: Int
    /// The events after those, oldest first.
    public var laterEvents: [EncodedEvent]
    /// Who may write the run. Nil if it was saved by hand.
    public var owner: RunOwner?

    public init(snapshot: Run, coveredEvents: Int, laterEvents: [EncodedEvent], owner: RunOwner?) {
        self.snapshot = snapshot
        self.coveredEvents = coveredEvents
        self.laterEvents = laterEvents
        self.owner = owner
    }

    /// How many events the run has.
    public var eventCount: Int { coveredEvents + laterEvents.count }

    /// The run as it stands: the snapshot with the later events folded in.
    ///
    /// - Throws: ``StorageError`` with code `corruptData` if an event cannot be read.
    public func run() throws(StorageError) -> Run {
        var run = snapshot
        for (position, event) in laterEvents.enumerated() {
            do {
                run.apply(try event.decode())
            } catch {
                throw StorageError(
                    .corruptData,
                    "event \(coveredEvents + position) of run \(snapshot.id) cannot be read: \(error.message)",
                    cause: error)
            }
        }
        return run
    }
}

/// Names one server process for as long as it lives.
///
/// A new one says where the process runs, for people who look at a list of them: host, process number, and something random,
/// as in `web-1.4711.9f86d081`.
public struct ProcessID: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A new id.
    public init() {
        let process = ProcessInfo.processInfo
        rawValue = "\(process.hostName).\(process.processIdentifier).\(RunID().rawValue.prefix(8))"
    }

    /// Owns the runs that a process has given up before it ended, until another one claims them. It has no heartbeat, and so
    /// counts as lost as soon as it has ``Coordination/leave(_:)``.
    public static let released = ProcessID(rawValue: "released")

    public var description: String { rawValue }
}

/// Who may write a run: a process, and a token that is new with every acquisition.
///
/// The token is what fences a process that lost a run and comes back: even if the same process owned it before, its old
/// token no longer fits.
public struct RunOwner: Sendable, Hashable, Codable {
    public var process: ProcessID
    public var token: String

    /// An owner with a fresh token.
    public init(process: ProcessID) {
        self.init(process: process, token: RunID().rawValue)
    }

    public init(process: ProcessID, token: String) {
        self.process = process
        self.token = token
    }
}
