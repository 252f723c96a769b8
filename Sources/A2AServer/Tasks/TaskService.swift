// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime

/// The methods of the protocol for the tasks of one agent, whatever binding they are called over.
///
/// A task is a run of the agent, and its context is the run's session.
struct TaskService: Sendable {
    let engine: RunEngine
    let agent: AgentName
    let configuration: A2AConfiguration

    /// What a call has beside its parameters.
    struct Call: Sendable {
        /// The URIs of the extensions that are active for the call.
        var extensions: [String] = []
        /// The value of the header `Idempotency-Key`.
        var idempotencyKey: String?
        /// The number in the header `Last-Event-ID`, which continues a stream.
        var lastEventID: Int?
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

    func sendMessage(
        _ request: A2A.SendMessageRequest, _ call: Call
    ) async throws -> A2A.SendMessageResponse {
        throw A2AError(.unsupportedOperation, "not available")
    }

    func sendStreamingMessage(_ request: A2A.SendMessageRequest, _ call: Call) async throws -> Stream {
        throw A2AError(.unsupportedOperation, "not available")
    }

    func getTask(_ request: A2A.GetTaskRequest, _ call: Call) async throws -> A2A.Task {
        throw A2AError(.unsupportedOperation, "not available")
    }

    func listTasks(_ request: A2A.ListTasksRequest, _ call: Call) async throws -> A2A.ListTasksResponse {
        throw A2AError(.unsupportedOperation, "not available")
    }

    func cancelTask(_ request: A2A.CancelTaskRequest, _ call: Call) async throws -> A2A.Task {
        throw A2AError(.unsupportedOperation, "not available")
    }

    func subscribeToTask(_ request: A2A.SubscribeToTaskRequest, _ call: Call) async throws -> Stream {
        throw A2AError(.unsupportedOperation, "not available")
    }
}
