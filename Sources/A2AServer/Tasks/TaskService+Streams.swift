// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage

/// Streams of tasks.
extension TaskService {
    func subscribeToTask(_ request: A2A.SubscribeToTaskRequest, _ call: Call) async throws -> Stream {
        try request.validate()
        try requireStreaming()
        let id = try run(of: request.id)
        return try await reporting(task: id) {
            let (run, eventCount) = try await stored(id, call)
            if run.status.isTerminal, !isPosition(call.lastEventID, in: eventCount) {
                throw A2AError.unsupported(
                    "task \(id) has ended, and has no more events: get the task, or send the header Last-Event-ID with the "
                        + "number of the last event that was received",
                    task: id)
            }
            return try await stream(run, eventCount, until: .terminal, after: call.lastEventID, historyLength: nil)
        }
    }

    func requireStreaming() throws(A2AError) {
        guard configuration.hasStreaming else {
            throw A2AError(.unsupportedOperation, "this agent does not stream: send the message without streaming")
        }
    }

    private func isPosition(_ lastEventID: Int?, in eventCount: Int) -> Bool {
        lastEventID.map { (0..<eventCount).contains($0) } ?? false
    }

    /// Returns the stream of a stored run: after the last event that was received, or beginning with the task.
    ///
    /// A number that no event of the run has is ignored, as if nothing was received.
    func stream(
        _ run: Run, _ eventCount: Int, until end: RunEvents.StopCondition, after lastEventID: Int?,
        historyLength: Int?
    ) async throws -> Stream {
        // Nothing may follow for long, and the stream ends with the last event.
        var isOver = false
        if end == .settled, run.status == .awaiting {
            let last = try await engine.events(of: run.id, from: eventCount - 1, limit: 1)
            isOver = last.first?.kind == .runAwaiting
        }
        if let lastEventID, isPosition(lastEventID, in: eventCount), !(isOver && lastEventID == eventCount - 1) {
            let offset = lastEventID + 1
            return Stream(
                run: run.id, first: nil, offset: offset, end: end,
                events: try await TaskEvents.state(before: offset, of: run, eventCount: eventCount, in: engine))
        }
        return try await stream(
            run, including: eventCount, until: end, repeatsLast: isOver, historyLength: historyLength)
    }

    /// Returns the stream that begins with the task of a run as it was after a number of events.
    ///
    /// - Parameter repeatsLast: Whether the last one of these events follows, so that the stream ends with it.
    func stream(
        _ run: Run, including eventCount: Int, until end: RunEvents.StopCondition, repeatsLast: Bool = false,
        input: [ACPCore.Message]? = nil, historyLength: Int?
    ) async throws -> Stream {
        let task = try await task(run, input: input, historyLength: historyLength)
        return Stream(
            run: run.id, first: (eventCount - 1, .task(task)), offset: repeatsLast ? eventCount - 1 : eventCount,
            end: end, events: TaskEvents(after: run))
    }
}
