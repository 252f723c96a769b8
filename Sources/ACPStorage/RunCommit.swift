// SPDX-License-Identifier: Apache-2.0

public import ACPCore
import Foundation

/// A change to a run that is stored in one atomic step.
///
/// A commit is cheap to pass on: its copies share its properties, until those of one of them are changed.
public struct RunCommit: Sendable {
    /// The run.
    public var run: RunID {
        get { shared.properties.run }
        set { change { $0.run = newValue } }
    }
    /// The number of events that the run has before this commit.
    public var expecting: Int {
        get { shared.properties.expecting }
        set { change { $0.expecting = newValue } }
    }
    /// The events to append. Their indexes are `expecting`, `expecting + 1`, …
    public var events: [EncodedEvent] {
        get { shared.properties.events }
        set { change { $0.events = newValue } }
    }
    /// A snapshot of the run that replaces the stored one.
    ///
    /// The first commit of a run has one. Later ones have one when the status changes, and when the log has grown
    /// considerably since the last snapshot.
    public var snapshot: RunSnapshot? {
        get { shared.properties.snapshot }
        set { change { $0.snapshot = newValue } }
    }
    /// The sender of the commit. The first commit makes it the run's owner.
    public var owner: RunOwner {
        get { shared.properties.owner }
        set { change { $0.owner = newValue } }
    }
    /// The input of the run. In the first commit only, since it never changes.
    public var input: Encoded<[Message]>? {
        get { shared.properties.input }
        set { change { $0.input = newValue } }
    }
    /// The contents that the documents of this commit refer to and the run does not have yet. Stored in the same step.
    public var contents: [StoredContent] {
        get { shared.properties.contents }
        set { change { $0.contents = newValue } }
    }
    /// The block that the run appends to the history of its session when it ends. Stored in the same step.
    public var history: HistoryAppend? {
        get { shared.properties.history }
        set { change { $0.history = newValue } }
    }
    /// The question for whose missing answer the commit fails the run, as the number of events that the run had when it
    /// asked it. The commit is refused once an answer to it is stored. If `nil`, answers do not matter.
    public var unansweredQuestion: Int? {
        get { shared.properties.unansweredQuestion }
        set { change { $0.unansweredQuestion = newValue } }
    }

    private var shared: Shared

    /// Creates a commit from all its properties.
    public init(
        run: RunID,
        expecting: Int,
        events: [EncodedEvent],
        snapshot: RunSnapshot?,
        owner: RunOwner,
        input: Encoded<[Message]>? = nil,
        contents: [StoredContent] = [],
        history: HistoryAppend? = nil,
        unansweredQuestion: Int? = nil
    ) {
        shared = Shared(
            Properties(
                run: run, expecting: expecting, events: events, snapshot: snapshot, owner: owner, input: input,
                contents: contents, history: history, unansweredQuestion: unansweredQuestion))
    }

    private struct Properties: Sendable {
        var run: RunID
        var expecting: Int
        var events: [EncodedEvent]
        var snapshot: RunSnapshot?
        var owner: RunOwner
        var input: Encoded<[Message]>?
        var contents: [StoredContent]
        var history: HistoryAppend?
        var unansweredQuestion: Int?
    }

    /// The properties of a commit and of its copies.
    ///
    /// `@unchecked Sendable` because the properties change only while a single commit refers to them, which is changed
    /// itself.
    private final class Shared: @unchecked Sendable {
        var properties: Properties

        init(_ properties: Properties) { self.properties = properties }
    }

    private mutating func change(_ body: (inout Properties) -> Void) {
        if !isKnownUniquelyReferenced(&shared) { shared = Shared(shared.properties) }
        body(&shared.properties)
    }
}

extension RunCommit {
    /// Whether this commit is refused once a cancel signal is stored for the run: it ends the run as completed or
    /// failed.
    public var isRefusedAfterCancel: Bool {
        guard let status = snapshot?.run.status else { return false }
        return status == .completed || status == .failed
    }

    /// The keys of the signals because of which this commit is refused if one of them is stored, in the order in which
    /// they decide: see ``isRefusedAfterCancel`` and ``unansweredQuestion``.
    public var refusingSignals: [String] {
        (isRefusedAfterCancel ? [RunSignal.cancel.key] : [])
            + (unansweredQuestion.map { [RunSignal.answerKey($0)] } ?? [])
    }
}

/// A block to be appended to the history of a session.
public struct HistoryAppend: Sendable, Hashable {
    /// The session.
    public var session: SessionID
    /// The block.
    public var block: HistoryBlock

    /// Creates an append of a block to the history of a session.
    public init(_ block: HistoryBlock, to session: SessionID) {
        self.session = session
        self.block = block
    }
}

/// The state of a run after a number of events.
public struct RunSnapshot: Sendable, Hashable {
    /// The run, for the properties that storages use: those for listings (``RunSummary``), and the status.
    public var run: Run
    /// The JSON of the run, which is stored. It may refer to contents that ``run`` holds.
    public var json: [UInt8]
    /// The number of events that the snapshot covers. Not more than the run has after the commit.
    public var eventCount: Int

    /// Creates a snapshot by encoding a run.
    ///
    /// - Throws: `ACPError` if the run holds a value that JSON cannot represent.
    public init(_ run: Run, eventCount: Int) throws(ACPError) {
        self.init(run, json: try ACPJSON.encode(run), eventCount: eventCount)
    }

    /// Creates a snapshot of a run from the run's JSON.
    public init(_ run: Run, json: [UInt8], eventCount: Int) {
        self.run = run
        self.json = json
        self.eventCount = eventCount
    }
}

/// The properties of a run that listings use.
public struct RunSummary: Sendable, Hashable, Codable {
    /// The id of the run.
    public var id: RunID
    /// The agent of the run.
    public var agentName: AgentName
    /// The session of the run.
    public var sessionID: SessionID?
    /// The status of the run.
    public var status: RunStatus
    /// When the run was created.
    public var createdAt: Timestamp
    /// Who created the run. If `nil`, the run has no principal.
    public var principal: PrincipalID?

    /// Creates the summary of a run.
    public init(_ run: Run) {
        id = run.id
        agentName = run.agentName
        sessionID = run.sessionID
        status = run.status
        createdAt = run.createdAt
        principal = run.principal
    }
}

/// A stored run in encoded form: a snapshot, and the events after it. ``RunRecord`` is the decoded form.
public struct StoredRun: Sendable, Hashable {
    /// The id of the run.
    public var id: RunID
    /// The run after ``coveredEvents`` events.
    public var snapshot: Encoded<Run>
    /// The number of events that the snapshot covers.
    public var coveredEvents: Int
    /// The events after the snapshot, oldest first.
    public var laterEvents: [EncodedEvent]
    /// The owner of the run. If `nil`, the run was saved by a program without an engine.
    public var owner: RunOwner?

    /// Creates a stored run from all its properties.
    public init(
        id: RunID, snapshot: Encoded<Run>, coveredEvents: Int, laterEvents: [EncodedEvent], owner: RunOwner?
    ) {
        self.id = id
        self.snapshot = snapshot
        self.coveredEvents = coveredEvents
        self.laterEvents = laterEvents
        self.owner = owner
    }

    /// Returns the run with its snapshot decoded.
    ///
    /// - Parameter what: The name of the snapshot in the error message. Defaults to "run ID".
    /// - Throws: ``StorageError`` with code `corruptData` if the snapshot cannot be decoded.
    public func record(_ what: @autoclosure () -> String? = nil) throws(StorageError) -> RunRecord {
        RunRecord(
            snapshot: try snapshot.decode(what() ?? StoredDocument.run(id).description),
            coveredEvents: coveredEvents, laterEvents: laterEvents, owner: owner)
    }
}

/// A stored run in decoded form: a snapshot, and the events after it.
public struct RunRecord: Sendable, Hashable {
    /// The run after ``coveredEvents`` events.
    public var snapshot: Run
    /// The number of events that the snapshot covers.
    public var coveredEvents: Int
    /// The events after the snapshot, oldest first.
    public var laterEvents: [EncodedEvent]
    /// The owner of the run. If `nil`, the run was saved by a program without an engine.
    public var owner: RunOwner?

    /// Creates a record from all its properties.
    public init(snapshot: Run, coveredEvents: Int, laterEvents: [EncodedEvent], owner: RunOwner?) {
        self.snapshot = snapshot
        self.coveredEvents = coveredEvents
        self.laterEvents = laterEvents
        self.owner = owner
    }

    /// The number of events that the run has.
    public var eventCount: Int { coveredEvents + laterEvents.count }

    /// Returns the current state of the run: the snapshot with the later events applied.
    ///
    /// - Throws: ``StorageError`` with code `corruptData` if an event cannot be decoded.
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

/// The id of one server process.
///
/// A new id consists of the host, the process number and random characters, so that operators recognize the process, as
/// in `web-1.4711.9f86d081`.
public struct ProcessID: RawRepresentable, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The text of the id.
    public let rawValue: String

    /// Creates an id from any text.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Creates a new id for the current process.
    public init() {
        let process = ProcessInfo.processInfo
        rawValue = "\(process.hostName).\(process.processIdentifier).\(RunID().rawValue.prefix(8))"
    }

    /// The owner of runs that a process has released before it ended, until another process claims them.
    ///
    /// It has no heartbeat, and so it is a lost process after ``Coordination/leave(_:)``.
    public static let released = ProcessID(rawValue: "released")

    /// The text of the id.
    public var description: String { rawValue }
}

/// The owner of a run, which alone may write it: a process, and a fencing token that is new for every acquisition.
///
/// The token fences a process that has lost the run and still writes it: the old token is refused, even if the same
/// process owns the run again.
public struct RunOwner: Sendable, Hashable, Codable {
    /// The process.
    public var process: ProcessID
    /// The fencing token.
    public var token: String

    /// Creates an owner with a new token.
    public init(process: ProcessID) {
        self.init(process: process, token: RunID().rawValue)
    }

    /// Creates an owner with a known token.
    public init(process: ProcessID, token: String) {
        self.process = process
        self.token = token
    }
}
