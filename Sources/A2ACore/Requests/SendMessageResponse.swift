// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// What an agent returns for a message: a task, or a message if no task was needed.
    public enum SendMessageResponse: Sendable, Hashable {
        /// The task that the message has begun or continued.
        case task(Task)
        /// The agent's message.
        case message(Message)
    }
}

extension A2A.SendMessageResponse: ProtoObject {
    enum Field: JSONName, JSONField {
        case task
        case message
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var task = ProtoMember<A2A.Task>(Field.task)
        var message = ProtoMember<A2A.Message>(Field.message)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .task: try task.read(from: &reader)
            case .message: try message.read(from: &reader)
            }
        }
        var payload = OneOf<Self>()
        try payload.take(Field.task, try task.optional().map { .task($0) })
        try payload.take(Field.message, try message.optional().map { .message($0) })
        guard let value = payload.value else { throw JSONFault(.invalid("a task or a message is expected")) }
        self = value
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        switch self {
        case .task(let task): try writer.field(Field.task, task)
        case .message(let message): try writer.field(Field.message, message)
        }
        writer.endObject()
    }

    package func check(_ check: inout FieldCheck) {
        switch self {
        case .task(let task): check.object(Field.task, task)
        case .message(let message): check.object(Field.message, message)
        }
    }
}
