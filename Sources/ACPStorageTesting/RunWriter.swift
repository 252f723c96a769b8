// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Writes a run as its owner does, and keeps track of what must be stored.
struct RunWriter: Sendable {
    let storage: any Storage
    var owner: RunOwner
    private(set) var run: Run
    private(set) var events: [EncodedEvent] = []

    init(_ run: Run, on storage: any Storage, owner: RunOwner = RunOwner(process: ProcessID())) {
        self.storage = storage
        self.owner = owner
        self.run = run
    }

    /// Sends the first commit of a run: its creation, and the beginning of a message.
    static func create(
        _ run: Run, on storage: any Storage, owner: RunOwner = RunOwner(process: ProcessID()),
        input: [Message]? = nil, contents: [StoredContent] = [], history: HistoryAppend? = nil
    ) async throws -> RunWriter {
        var writer = RunWriter(run, on: storage, owner: owner)
        try await storage.commit(
            try writer.next(
                firstEvents(of: run), snapshot: true, input: input, contents: contents, history: history))
        return writer
    }

    static func firstEvents(of run: Run) -> [Event] {
        let message = Message(
            role: .agent(run.agentName), parts: [], createdAt: run.createdAt + .milliseconds(1), completedAt: nil)
        return [.runCreated(run), .messageCreated(message)]
    }

    /// Returns the next commit. It is considered as written: the caller must send it.
    mutating func next(
        _ new: [Event], snapshot: Bool = false, input: [Message]? = nil, contents: [StoredContent] = [],
        history: HistoryAppend? = nil
    ) throws -> RunCommit {
        for event in new { run.apply(event) }
        let encoded = try new.map { event in try EncodedEvent(event) }
        let commit = RunCommit(
            run: run.id, expecting: events.count, events: encoded,
            snapshot: snapshot ? try RunSnapshot(run, eventCount: events.count + new.count) : nil, owner: owner,
            input: try input.map { try Encoded($0, as: "the input") }, contents: contents, history: history)
        events += encoded
        return commit
    }

    /// Removes an event that did not change the run and was not stored.
    mutating func removeLastEvent() { events.removeLast() }

    /// Commits events.
    @discardableResult
    mutating func write(
        _ new: [Event], snapshot: Bool = false, contents: [StoredContent] = [], history: HistoryAppend? = nil
    ) async throws -> RunCommit {
        let commit = try next(new, snapshot: snapshot, contents: contents, history: history)
        try await storage.commit(commit)
        return commit
    }

    /// Commits a change of status.
    mutating func become(_ status: RunStatus) async throws {
        try await write([run.becoming(status)], snapshot: true)
    }
}

extension Run {
    /// Returns the event that changes the run to a status.
    func becoming(_ status: RunStatus) -> Event {
        var run = self
        run.status = status
        if status.isTerminal { run.finishedAt = createdAt + .seconds(1) }
        return switch status {
        case .created: .runCreated(run)
        case .inProgress, .cancelling: .runInProgress(run)
        case .awaiting: .runAwaiting(run)
        case .completed: .runCompleted(run)
        case .cancelled: .runCancelled(run)
        case .failed: .runFailed(run)
        }
    }
}

extension CheckContext {
    /// Creates a run of this check's agent and session.
    func newRun(_ status: RunStatus = .created, createdAt: Timestamp = .now) -> Run {
        Run(agentName: agent, sessionID: session, status: status, createdAt: createdAt)
    }

    /// Returns parts of a message with different numbers.
    func parts(_ numbers: some Sequence<Int>) -> [Event] {
        numbers.map { .messagePart(.text("part \($0)")) }
    }
}
