// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage
import ACPTestSupport
import Logging
import Testing

@testable import A2AServer

/// An agent on an engine with a storage in memory, and its tasks.
struct TaskFixture {
    let engine: RunEngine
    let service: TaskService

    init(
        _ agent: AgentName = "agent", storage: any Storage = MemoryStorage(),
        configuration: A2AConfiguration = A2AConfiguration(), cancellationGrace: Duration = .seconds(300),
        run: @escaping @Sendable (RunContext) async throws -> Void
    ) throws {
        engine = RunEngine(
            storage: storage, configuration: EngineConfiguration(cancellationGrace: cancellationGrace),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        service = TaskService(engine: engine, agent: agent, configuration: configuration)
        try engine.agents.addAgent(agent, run: run)
    }

    /// An agent that sends the text that it gets.
    static func echo() throws -> TaskFixture {
        try TaskFixture { context in try await context.yield(context.input.map(\.text).joined()) }
    }

    /// An agent that asks the questions that it gets, one per word, and sends the answers.
    static func asking() throws -> TaskFixture {
        try TaskFixture { context in
            for word in context.input.map(\.text).joined().split(separator: " ") {
                try await context.yield(try await context.awaitMessage("\(word)?").text)
            }
        }
    }

    func send(
        _ message: A2A.Message, key: String? = nil, _ configuration: A2A.SendMessageConfiguration? = nil
    ) async throws -> A2A.SendMessageResponse {
        try await service.sendMessage(
            A2A.SendMessageRequest(message: message, configuration: configuration), .init(idempotencyKey: key))
    }

    func task(
        _ message: A2A.Message, key: String? = nil, _ configuration: A2A.SendMessageConfiguration? = nil
    ) async throws -> A2A.Task {
        guard case .task(let task) = try await send(message, key: key, configuration) else {
            throw A2AError(.internalError, "a task was expected")
        }
        return task
    }

    func get(_ id: A2A.TaskID, historyLength: Int? = nil) async throws -> A2A.Task {
        try await service.getTask(A2A.GetTaskRequest(id: id, historyLength: historyLength), .init())
    }

    /// Sends a message to a task and streams.
    func streaming(_ message: A2A.Message, _ call: TaskService.Call = .init()) async throws -> TaskService.Stream {
        try await service.sendStreamingMessage(A2A.SendMessageRequest(message: message), call)
    }

    func subscription(_ id: A2A.TaskID, after lastEventID: Int? = nil) async throws -> TaskService.Stream {
        try await service.subscribeToTask(.init(id: id), .init(lastEventID: lastEventID))
    }

    /// Returns all elements of a stream, with the numbers of their events.
    func elements(of stream: TaskService.Stream) async throws -> [TaskElement] {
        var elements: [TaskElement] = []
        if let first = stream.first { elements.append(TaskElement(id: first.eventID, response: first.response)) }
        var events = stream.events
        for try await batch in engine.follow(stream.run, from: stream.offset, until: stream.end) {
            for (position, event) in batch.events.enumerated() {
                let id = batch.offset + position
                elements += try events.responses(to: event, at: id).map { TaskElement(id: id, response: $0) }
            }
        }
        return elements
    }

    /// Waits until a task has a state.
    func wait(for state: A2A.TaskState, of id: A2A.TaskID) async throws {
        let run = try #require(RunID(rawValue: id.rawValue))
        for try await batch in engine.follow(run) {
            for event in batch.events {
                if let run = try event.decode().run, A2A.TaskState(run.detailedStatus) == state { return }
            }
        }
    }
}

/// An element of a stream, with the number of its event.
struct TaskElement: Equatable {
    let id: Int
    let response: A2A.StreamResponse

    /// The element without ids and texts: what kind it is.
    var kind: String {
        switch response {
        case .task(let task): "task \(task.status.state.name)"
        case .message: "message"
        case .statusUpdate(let update): update.status.state.name
        case .artifactUpdate(let update):
            "\(update.artifact.id)" + (update.isAppended ? "+" : "") + (update.isLastChunk ? "." : "")
        case .unknown: "unknown"
        }
    }
}

extension A2A.TaskState {
    fileprivate var name: String { String(rawValue.dropFirst("TASK_STATE_".count)) }
}

extension A2A.Message {
    /// Returns a message of the user.
    static func user(
        _ text: String, id: A2A.MessageID = A2A.MessageID(), task: A2A.TaskID? = nil, context: A2A.ContextID? = nil
    ) -> A2A.Message {
        A2A.Message(id: id, contextID: context, taskID: task, role: .user, parts: [.text(text)])
    }
}

/// Returns the error that a call throws.
func taskError(_ call: () async throws -> some Any) async -> A2AError? {
    do {
        _ = try await call()
        Issue.record("an error was expected")
        return nil
    } catch let error as A2AError {
        return error
    } catch {
        Issue.record("an A2AError was expected, and not \(error)")
        return nil
    }
}
