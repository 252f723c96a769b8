// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Turns what an agent does into events, and keeps the run up to date with them. It has no I/O, clock or lock.
///
/// Every method encodes its arguments before it changes anything, so that a value that JSON cannot hold throws and
/// changes nothing.
struct RunComposer {
    private(set) var run: Run
    private var hasOpenMessage: Bool

    /// - Parameter run: A new run, or a run that continues.
    init(_ run: Run) {
        self.run = run
        hasOpenMessage = run.output.last?.isOpen ?? false
    }

    // MARK: Output

    mutating func add(_ part: MessagePart, now: Timestamp) throws(ACPError) -> [EncodedEvent] {
        var events: [EncodedEvent] = []
        let partEvent = try EncodedEvent(.messagePart(part))
        if !hasOpenMessage {
            let message = Message(
                role: .agent(run.agentName), parts: [], createdAt: now, completedAt: nil)
            events.append(try EncodedEvent(.messageCreated(message)))
            run.output.append(message)
            hasOpenMessage = true
        }
        events.append(partEvent)
        run.output[run.output.count - 1].parts.append(part)
        return events
    }

    mutating func add(_ message: Message, now: Timestamp) throws(ACPError) -> [EncodedEvent] {
        var complete = message
        complete.role = .agent(run.agentName)
        complete.createdAt = message.createdAt ?? now
        complete.completedAt = message.completedAt ?? now
        var opened = complete
        opened.parts = []
        opened.completedAt = nil

        var events: [EncodedEvent] = []
        events.reserveCapacity(message.parts.count + 3)
        events.append(try EncodedEvent(.messageCreated(opened)))
        for part in message.parts { events.append(try EncodedEvent(.messagePart(part))) }
        events.append(try EncodedEvent(.messageCompleted(complete)))
        if let completion = try completeMessage(now: now) { events.insert(completion, at: 0) }
        run.output.append(complete)
        return events
    }

    /// Completes the open message, if there is one.
    mutating func completeMessage(now: Timestamp) throws(ACPError) -> EncodedEvent? {
        guard hasOpenMessage else { return nil }
        let last = run.output.count - 1
        run.output[last].completedAt = now
        hasOpenMessage = false
        return try EncodedEvent(.messageCompleted(run.output[last]))
    }

    // MARK: Status

    /// Returns the event that the run was created.
    mutating func created() throws(ACPError) -> StatusChange {
        try change(.runCreated) { _ in }
    }

    mutating func begin(now: Timestamp) throws(ACPError) -> StatusChange {
        try change(.runInProgress) { run in
            run.move(to: .inProgress)
            run.statusChangedAt = now == run.createdAt ? nil : now
        }
    }

    mutating func beginAwaiting(
        _ request: AwaitRequest, deadline: Timestamp?, now: Timestamp
    ) throws(ACPError) -> StatusChange {
        try change(.runAwaiting) { run in
            run.move(to: .awaiting)
            run.awaitRequest = request
            run.awaitDeadline = deadline
            run.statusChangedAt = now
        }
    }

    /// - Parameter answer: The answer to the question. If `nil`, the agent has stopped waiting for it.
    mutating func resume(with answer: AwaitResume?, now: Timestamp) throws(ACPError) -> StatusChange {
        try change(.runInProgress) { $0 = $0.resumed(with: answer, now: now) }
    }

    /// Records that the run's cancellation was requested. ACP has no event for that: only the run shows it.
    ///
    /// - Returns: `false` if it was recorded already, or is too late.
    mutating func requestCancel() -> Bool {
        guard run.status.canBecome(.cancelling) else { return false }
        run.move(to: .cancelling)
        return true
    }

    mutating func end(_ outcome: RunOutcome, now: Timestamp) throws(ACPError) -> StatusChange {
        // A run whose cancellation was requested ends as cancelled, however its handler ends.
        switch run.status == .cancelling ? .cancelled : outcome {
        case .completed: try end(.runCompleted, .completed, error: nil, now: now)
        case .cancelled: try end(.runCancelled, .cancelled, error: nil, now: now)
        case .failed(let error): try end(.runFailed, .failed, error: error, now: now)
        }
    }

    private mutating func end(
        _ kind: Event.Kind, _ status: RunStatus, error: ACPError?, now: Timestamp
    ) throws(ACPError) -> StatusChange {
        try change(kind) { run in
            run.move(to: status)
            run.awaitRequest = nil
            run.awaitDeadline = nil
            run.error = error
            run.finishedAt = now
            run.statusChangedAt = nil
        }
    }

    private mutating func change(
        _ kind: Event.Kind, _ edit: (inout Run) -> Void
    ) throws(ACPError) -> StatusChange {
        var changed = run
        edit(&changed)
        let json = try ACPJSON.encode(changed)
        run = consume changed
        return StatusChange(event: EncodedEvent(kind: kind, runJSON: json), runJSON: json)
    }
}

extension Run {
    /// Returns the run as it continues after its question was answered.
    ///
    /// - Parameter answer: The answer. If `nil`, the agent has stopped waiting for it.
    func resumed(with answer: AwaitResume?, now: Timestamp) -> Run {
        var run = self
        if let answer, let awaitRequest { run.exchange += [awaitRequest.asMessage, answer.asMessage] }
        run.statusChangedAt = now
        run.status = .inProgress
        run.awaitRequest = nil
        run.awaitDeadline = nil
        run.finishedAt = nil
        return run
    }

    fileprivate mutating func move(to next: RunStatus) {
        assert(status.canBecome(next), "a run that is \(status) cannot become \(next)")
        status = next
    }
}

extension AwaitRequest {
    /// The question as a message: what has another form becomes a part of JSON.
    fileprivate var asMessage: Message {
        switch self {
        case .message(let message): message
        case .other(let members): Message(role: .agent(nil), parts: [.json(members)])
        }
    }
}

extension AwaitResume {
    /// The answer as a message: what has another form becomes a part of JSON.
    fileprivate var asMessage: Message {
        switch self {
        case .message(let message): message
        case .other(let members): Message(parts: [.json(members)])
        }
    }
}

extension MessagePart {
    fileprivate static func json(_ members: JSONObject) -> MessagePart {
        // Members that were received as JSON can be written as JSON.
        let json = (try? ACPJSON.encode(JSONValue.object(members))) ?? Array("{}".utf8)
        return MessagePart(contentType: "application/json", content: String(decoding: json, as: UTF8.self))
    }
}

/// An event about the run, with the JSON of the run that it contains, which is also the snapshot.
struct StatusChange {
    let event: EncodedEvent
    let runJSON: [UInt8]
}

/// How a handler ended.
enum RunOutcome: Sendable {
    case completed
    case cancelled
    case failed(ACPError)
}
