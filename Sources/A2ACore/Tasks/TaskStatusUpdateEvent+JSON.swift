// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.TaskStatusUpdateEvent: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case taskID = "taskId"
        case contextID = "contextId"
        case status
        case metadata
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var taskID = ProtoMember<A2A.TaskID>(Field.taskID)
        var contextID = ProtoMember<A2A.ContextID>(Field.contextID)
        var status = ProtoMember<A2A.TaskStatus>(Field.status)
        var metadata = ProtoMember<JSONObject>(Field.metadata)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .taskID: try taskID.read(from: &reader)
            case .contextID: try contextID.read(from: &reader)
            case .status: try status.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            }
        }
        self.init(
            taskID: try taskID.optional() ?? "",
            contextID: try contextID.optional() ?? "",
            status: try status.optional() ?? .unset,
            metadata: try metadata.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .taskID: try writer.field(field, taskID)
        case .contextID: try writer.field(field, contextID)
        case .status: try writer.field(field, status)
        case .metadata: try writer.field(field, metadata)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.taskID, taskID)
        check.text(Field.contextID, contextID)
        if status == .unset { check.value(Field.status, isMissing: true) } else { check.object(Field.status, status) }
    }
}
