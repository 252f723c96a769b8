// SPDX-License-Identifier: Apache-2.0

import ACPCore

// Tasks and events of version 0.3.

extension A2A.V03 {
    private static func object(_ status: A2A.TaskStatus) -> JSONObject {
        var object: JSONObject = ["state": .string(stateName(status.state))]
        object.set("message", status.message.map { Self.object($0) })
        object.set("timestamp", status.timestamp?.millisecondDescription)
        return object
    }

    private static func status(_ reader: V03Reader) throws(A2AError) -> A2A.TaskStatus {
        var state = A2A.TaskState.unspecified
        if let name = try reader.text("state") {
            guard let known = Self.state(named: name) else {
                throw reader.fault("state", "a state of a task is expected")
            }
            state = known
        }
        var timestamp: Timestamp?
        if let text = try reader.text("timestamp") {
            guard let time = Timestamp(text) else { throw reader.fault("timestamp", "a time is expected") }
            timestamp = time
        }
        let message = try reader.reader("message").map { reader throws(A2AError) in try Self.message(reader) }
        return A2A.TaskStatus(state: state, message: message, timestamp: timestamp)
    }

    /// Returns a task.
    public static func object(_ task: A2A.Task) -> JSONObject {
        var object: JSONObject = [
            "kind": "task", "id": .string(task.id.rawValue), "contextId": .string(task.contextID?.rawValue ?? ""),
            "status": .object(Self.object(task.status)),
        ]
        if !task.artifacts.isEmpty { object["artifacts"] = .array(task.artifacts.map { .object(Self.object($0)) }) }
        if !task.history.isEmpty { object["history"] = .array(task.history.map { .object(Self.object($0)) }) }
        object.set("metadata", task.metadata)
        return object
    }

    /// Reads a task.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func task(_ object: JSONObject) throws(A2AError) -> A2A.Task { try task(V03Reader(object)) }

    private static func task(_ reader: V03Reader) throws(A2AError) -> A2A.Task {
        var task = A2A.Task(
            id: A2A.TaskID(rawValue: try reader.requiredText("id")),
            contextID: try reader.text("contextId").map(A2A.ContextID.init(rawValue:))?.ifNotEmpty,
            status: try status(of: reader),
            metadata: try reader.object("metadata"))
        for artifact in try reader.readers("artifacts") { task.artifacts.append(try Self.artifact(artifact)) }
        for message in try reader.readers("history") { task.history.append(try Self.message(message)) }
        return task
    }

    private static func status(of reader: V03Reader) throws(A2AError) -> A2A.TaskStatus {
        guard let status = try reader.reader("status") else { return .unset }
        return try Self.status(status)
    }

    /// Returns an element of a stream, or the result of sending a message. If `nil`, version 0.3 has no such element.
    ///
    /// - Parameters:
    ///   - response: The element.
    ///   - isFinal: Whether the stream ends with it. If `nil`, it does with a state in which a task has ended or waits for its
    ///     client.
    public static func object(_ response: A2A.StreamResponse, isFinal: Bool? = nil) -> JSONObject? {
        switch response {
        case .task(let task): return object(task)
        case .message(let message): return object(message)
        case .statusUpdate(let event):
            let state = event.status.state
            var object: JSONObject = [
                "kind": "status-update", "taskId": .string(event.taskID.rawValue),
                "contextId": .string(event.contextID.rawValue), "status": .object(Self.object(event.status)),
                "final": .bool(isFinal ?? (state.isTerminal || state.isInterrupted)),
            ]
            object.set("metadata", event.metadata)
            return object
        case .artifactUpdate(let event):
            var object: JSONObject = [
                "kind": "artifact-update", "taskId": .string(event.taskID.rawValue),
                "contextId": .string(event.contextID.rawValue), "artifact": .object(Self.object(event.artifact)),
            ]
            if event.isAppended { object["append"] = true }
            if event.isLastChunk { object["lastChunk"] = true }
            object.set("metadata", event.metadata)
            return object
        case .unknown: return nil
        }
    }

    /// Reads an element of a stream, or the result of sending a message. Its kind is in the member `kind`; other kinds than those of
    /// version 0.3 become ``A2A/StreamResponse/unknown(_:)``.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams``, naming the member that is wrong.
    public static func streamResponse(_ object: JSONObject) throws(A2AError) -> A2A.StreamResponse {
        let reader = V03Reader(object)
        let taskID = A2A.TaskID(rawValue: try reader.requiredText("taskId"))
        let contextID = A2A.ContextID(rawValue: try reader.requiredText("contextId"))
        switch try reader.text("kind") {
        case "task": return .task(try task(reader))
        case "message": return .message(try message(reader))
        case "status-update":
            return .statusUpdate(
                A2A.TaskStatusUpdateEvent(
                    taskID: taskID, contextID: contextID, status: try status(of: reader),
                    metadata: try reader.object("metadata")))
        case "artifact-update":
            var artifact = A2A.Artifact.unset
            if let value = try reader.reader("artifact") { artifact = try Self.artifact(value) }
            return .artifactUpdate(
                A2A.TaskArtifactUpdateEvent(
                    taskID: taskID, contextID: contextID, artifact: artifact,
                    isAppended: try reader.bool("append") ?? false, isLastChunk: try reader.bool("lastChunk") ?? false,
                    metadata: try reader.object("metadata")))
        default: return .unknown(object)
        }
    }
}
