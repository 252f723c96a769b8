// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage

/// The methods of the protocol for the tasks of one agent, whatever binding they are called over.
///
/// A task is a run of the agent, and its context is the run's session. All methods throw `A2AError`, or
/// `CancellationError` if the calling task is cancelled.
struct TaskService: Sendable {
    let engine: RunEngine
    let agent: AgentName
    let configuration: A2AConfiguration
    /// Stores the push notification configurations that messages come with. If `nil`, there are none.
    var push: PushService?

    /// What a call has beside its parameters.
    struct Call: Sendable {
        /// The URIs of the extensions that are active for the call.
        var extensions: [String] = []
        /// The value of the header `Idempotency-Key`.
        var idempotencyKey: String?
        /// The number in the header `Last-Event-ID`, which continues a stream.
        var lastEventID: Int?
        /// What the caller reaches. If `nil`, it reaches everything, and is not distinguished from others.
        var access: RunAccess?
    }

    /// A stream of a task's events.
    ///
    /// It begins with ``first``, if there is one, and continues with what ``events`` makes of the events of the run from
    /// index ``offset`` onward, until ``end``.
    struct Stream: Sendable {
        let run: RunID
        /// The number of the last event that `response` includes, and the first element. `nil` if the stream continues
        /// after `Last-Event-ID`.
        let first: (eventID: Int, response: A2A.StreamResponse)?
        let offset: Int
        let end: RunEvents.StopCondition
        let events: TaskEvents
    }

    // MARK: - Runs

    /// Returns the id of the run of a task.
    ///
    /// - Throws: `taskNotFound` if no task can have the id.
    func run(of id: A2A.TaskID) throws(A2AError) -> RunID {
        guard let run = RunID(rawValue: id.rawValue) else { throw .taskNotFound(id) }
        return run
    }

    /// Returns the session of a context.
    ///
    /// - Throws: `invalidParams` if no context can have the id.
    func session(of id: A2A.ContextID?, in field: String) throws(A2AError) -> SessionID? {
        guard let id else { return nil }
        guard let session = SessionID(rawValue: id.rawValue) else {
            throw .invalid(field, "1 to 128 characters of A-Z a-z 0-9 . _ ~ - are expected")
        }
        return session
    }

    /// Returns a stored run of the agent, and the number of events that it includes.
    ///
    /// - Throws: `taskNotFound` if there is none that the caller can reach, or it belongs to another agent.
    func stored(_ id: RunID, _ call: Call) async throws -> (run: Run, eventCount: Int) {
        guard let record = try await engine.storage.record(of: id), record.snapshot.agentName == agent,
            call.access?.admits(record.snapshot) ?? true
        else { throw A2AError.taskNotFound(A2A.TaskID(id)) }
        return (try record.run(), record.eventCount)
    }

    /// Returns the task of a run.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - input: The run's input. If `nil`, it is read if it is needed.
    ///   - historyLength: The greatest number of messages in the history. If `nil`, there is no limit.
    ///   - includesArtifacts: Whether the task has its artifacts. Defaults to `true`.
    func task(
        _ run: Run, input: [ACPCore.Message]? = nil, historyLength: Int?, includesArtifacts: Bool = true
    ) async throws -> A2A.Task {
        var known = input ?? []
        if input == nil, A2A.Message.needsInput(run, length: historyLength) {
            known = try await engine.storage.input(of: run.id) ?? []
        }
        return A2A.Task(run, input: known, historyLength: historyLength, includesArtifacts: includesArtifacts)
    }
}
