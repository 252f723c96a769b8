// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// An element of a stream, and what is posted to the URL of a push notification configuration.
    public enum StreamResponse: Sendable, Hashable {
        /// The task as it is now.
        case task(Task)
        /// A message, which is the whole response.
        case message(Message)
        /// The state of the task has changed.
        case statusUpdate(TaskStatusUpdateEvent)
        /// An artifact of the task is new or has grown.
        case artifactUpdate(TaskArtifactUpdateEvent)
        /// Something that this version of the protocol does not know: all members as they came. Clients ignore it.
        case unknown(JSONObject)
    }
}

extension A2A.StreamResponse: ProtoObject {
    enum Field: JSONName, JSONField {
        case task
        case message
        case statusUpdate
        case artifactUpdate
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        let start = reader
        var task = ProtoMember<A2A.Task>(Field.task)
        var message = ProtoMember<A2A.Message>(Field.message)
        var statusUpdate = ProtoMember<A2A.TaskStatusUpdateEvent>(Field.statusUpdate)
        var artifactUpdate = ProtoMember<A2A.TaskArtifactUpdateEvent>(Field.artifactUpdate)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .task: try task.read(from: &reader)
            case .message: try message.read(from: &reader)
            case .statusUpdate: try statusUpdate.read(from: &reader)
            case .artifactUpdate: try artifactUpdate.read(from: &reader)
            }
        }
        var payload = OneOf<Self>()
        try payload.take(Field.task, try task.optional().map { .task($0) })
        try payload.take(Field.message, try message.optional().map { .message($0) })
        try payload.take(Field.statusUpdate, try statusUpdate.optional().map { .statusUpdate($0) })
        try payload.take(Field.artifactUpdate, try artifactUpdate.optional().map { .artifactUpdate($0) })
        if let value = payload.value {
            self = value
        } else {
            reader = start
            self = .unknown(try JSONObject(json: &reader))
        }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        switch self {
        case .task(let task): try writer.field(Field.task, task)
        case .message(let message): try writer.field(Field.message, message)
        case .statusUpdate(let event): try writer.field(Field.statusUpdate, event)
        case .artifactUpdate(let event): try writer.field(Field.artifactUpdate, event)
        case .unknown(let members): try writer.members(members)
        }
        writer.endObject()
    }

    package func check(_ check: inout FieldCheck) {
        switch self {
        case .task(let task): check.object(Field.task, task)
        case .message(let message): check.object(Field.message, message)
        case .statusUpdate(let event): check.object(Field.statusUpdate, event)
        case .artifactUpdate(let event): check.object(Field.artifactUpdate, event)
        case .unknown: check.report("one of task, message, statusUpdate and artifactUpdate is required")
        }
    }
}
