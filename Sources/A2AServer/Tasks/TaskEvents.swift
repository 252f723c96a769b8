// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage

/// Turns the events of a run into the elements of a stream of its task. The result depends on the events alone, so that
/// all subscribers get the same, in whatever portions they read the events.
///
/// An element is the last chunk of its artifact (`lastChunk`) if its part was sent as the last one of the artifact: see
/// `RunContext.yield(_:append:lastChunk:)`. Whether another part follows in a message that the agent has left open is not
/// known when a part is sent, and the event that completes the message comes too late: a chunk must not be empty, and
/// holding each part back until the next event would delay the agent's last words. `lastChunk` is a hint that clients
/// may do without: all artifacts are complete when the task has ended.
struct TaskEvents: Sendable {
    private let task: A2A.TaskID
    private let context: A2A.ContextID
    private var cursor: ArtifactCursor

    /// Creates the state before the first event of a run.
    init(of run: RunID, in session: SessionID?) {
        self.init(of: run, in: session, cursor: ArtifactCursor())
    }

    /// Creates the state after all events that a run includes.
    init(after run: Run) {
        let open = run.output.last.flatMap { $0.isOpen ? $0 : nil }
        self.init(of: run.id, in: run.sessionID, cursor: ArtifactCursor(after: run.output.count, open: open))
    }

    private init(of run: RunID, in session: SessionID?, cursor: ArtifactCursor) {
        task = A2A.TaskID(run)
        context = session.map { A2A.ContextID($0) } ?? ""
        self.cursor = cursor
    }

    /// Returns the elements for an event, if it has any.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - index: The index of the event, which follows that of the event before.
    mutating func responses(to event: EncodedEvent, at index: Int) throws -> [A2A.StreamResponse] {
        // The event has the whole message, of which the stream has had each part.
        if event.kind == .messageCompleted {
            cursor.complete()
            return []
        }
        switch try event.decode() {
        case .runCreated(let run), .runInProgress(let run), .runAwaiting(let run), .runCompleted(let run),
            .runCancelled(let run), .runFailed(let run):
            return [status(A2A.TaskStatus(run))]
        case .messageCreated(let message):
            cursor.begin(message)
            return []
        case .messagePart(let part):
            guard let marker = cursor.place(part) else { return [] }
            let update = A2A.TaskArtifactUpdateEvent(
                taskID: task, contextID: context, artifact: A2A.Artifact(marker, part),
                isAppended: marker.isAppended, isLastChunk: marker.isLastChunk)
            return [.artifactUpdate(update)]
        case .generic(let value):
            var members = value.objectValue ?? ["value": value]
            let message = takeMessage(from: &members, at: index)
            // When the task began to be in this state is not part of the event.
            let working = A2A.TaskStatus(state: .working, message: message, timestamp: nil)
            return [status(working, metadata: members.isEmpty ? nil : members)]
        case .messageCompleted, .error, .unknown: return []
        }
    }

    private func status(_ status: A2A.TaskStatus, metadata: JSONObject? = nil) -> A2A.StreamResponse {
        .statusUpdate(
            A2A.TaskStatusUpdateEvent(taskID: task, contextID: context, status: status, metadata: metadata))
    }

    /// Removes the message from a generic event that `RunContext.update(_:metadata:)` has sent.
    private func takeMessage(from members: inout JSONObject, at index: Int) -> A2A.Message? {
        guard let stored = members.a2a?[A2AMember.message],
            let message = try? stored.decode(as: ACPCore.Message.self)
        else { return nil }
        members.a2a = nil
        let id = A2A.MessageID(rawValue: "\(task)-update-\(index)")
        return A2A.Message(message, id: id, task: task, context: context, role: .agent)
    }
}

extension TaskEvents {
    /// The largest number of events that are read at once, and approximately of their bytes.
    private static let pageSize = 256
    private static let pageBytes = 1_048_576

    /// Returns the state before an event of a run.
    ///
    /// What the run's messages consist of is known from the run. Which of them are before the event follows from the
    /// kinds of the events before it, or of those from there to the last one, whichever are fewer.
    ///
    /// - Parameters:
    ///   - offset: The index of the event.
    ///   - run: The run.
    ///   - eventCount: The number of events that the run includes.
    static func state(before offset: Int, of run: Run, eventCount: Int, in engine: RunEngine) async throws -> TaskEvents
    {
        guard offset < eventCount else { return TaskEvents(after: run) }
        var place = OutputPlace()
        if offset <= eventCount - offset {
            try await read(0..<offset, of: run.id, in: engine) { place.advance(over: $0.kind) }
        } else {
            var rest = OutputRest()
            try await read(offset..<eventCount, of: run.id, in: engine) { rest.add($0.kind) }
            place = rest.place(in: run)
        }
        var open: ACPCore.Message?
        if place.isOpen, run.output.indices.contains(place.messages - 1) {
            var message = run.output[place.messages - 1]
            message.parts = Array(message.parts.prefix(place.parts))
            open = message
        }
        return TaskEvents(
            of: run.id, in: run.sessionID, cursor: ArtifactCursor(after: place.messages, open: open))
    }

    /// Reads events page by page.
    private static func read(
        _ range: Range<Int>, of run: RunID, in engine: RunEngine, _ body: (EncodedEvent) -> Void
    ) async throws {
        var index = range.lowerBound
        while index < range.upperBound {
            let events = try await engine.events(
                of: run, from: index, limit: min(pageSize, range.upperBound - index), bytes: pageBytes)
            guard !events.isEmpty else { return }
            events.forEach(body)
            index += events.count
        }
    }
}

/// A place in a run's output: after some messages and, if the last one is open, some of its parts.
struct OutputPlace: Equatable {
    var messages = 0
    var isOpen = false
    var parts = 0

    /// Moves over the next event.
    mutating func advance(over kind: Event.Kind) {
        switch kind {
        case .messageCreated: (messages, isOpen, parts) = (messages + 1, true, 0)
        case .messagePart: parts += 1
        case .messageCompleted: isOpen = false
        default: break
        }
    }
}

/// What the events from a place in a run's output to its end are.
struct OutputRest {
    /// The number of messages that begin after the place.
    private var messages = 0
    /// The number of parts after the place, of the message that is open there.
    private var parts = 0
    /// Whether a message is open at the place, if that is known.
    private var isOpen: Bool?
    private var isPastOpenMessage = false

    /// Takes the next event.
    mutating func add(_ kind: Event.Kind) {
        switch kind {
        case .messageCreated:
            isOpen = isOpen ?? false
            isPastOpenMessage = true
            messages += 1
        case .messagePart:
            isOpen = isOpen ?? true
            if !isPastOpenMessage { parts += 1 }
        case .messageCompleted:
            isOpen = isOpen ?? true
            isPastOpenMessage = true
        default: break
        }
    }

    /// Returns the place.
    ///
    /// - Parameter run: The run after all events.
    func place(in run: Run) -> OutputPlace {
        let messages = run.output.count - messages
        guard isOpen ?? (run.output.last?.isOpen == true), run.output.indices.contains(messages - 1) else {
            return OutputPlace(messages: messages)
        }
        return OutputPlace(
            messages: messages, isOpen: true, parts: run.output[messages - 1].parts.count - parts)
    }
}
