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
        var taskID = JSONMember<A2A.TaskID>(Field.taskID)
        var contextID = JSONMember<A2A.ContextID>(Field.contextID)
        var status = JSONMember<A2A.TaskStatus>(Field.status)
        var metadata = JSONMember<JSONObject>(Field.metadata)
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
        case .taskID: try writer.member(field, taskID)
        case .contextID: try writer.member(field, contextID)
        case .status: try writer.member(field, status)
        case .metadata: try writer.member(field, metadata)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.taskID, taskID)
        check.text(Field.contextID, contextID)
        if status == .unset { check.value(Field.status, isMissing: true) } else { check.object(Field.status, status) }
    }
}
