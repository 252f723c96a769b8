// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.GetTaskPushNotificationConfigRequest: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tenant
        case taskID = "taskId"
        case id
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tenant = ProtoMember<String>(Field.tenant)
        var taskID = ProtoMember<A2A.TaskID>(Field.taskID)
        var id = ProtoMember<A2A.PushConfigID>(Field.id)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tenant: try tenant.read(from: &reader)
            case .taskID: try taskID.read(from: &reader)
            case .id: try id.read(from: &reader)
            }
        }
        self.init(
            tenant: try tenant.optional()?.ifNotEmpty,
            taskID: try taskID.optional() ?? "",
            id: try id.optional() ?? "")
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tenant: try writer.ifNotEmpty(field, tenant)
        case .taskID: try writer.field(field, taskID)
        case .id: try writer.field(field, id)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.taskID, taskID)
        check.text(Field.id, id)
    }
}
