// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.ListTaskPushNotificationConfigsRequest: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tenant
        case taskID = "taskId"
        case pageSize
        case pageToken
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tenant = ProtoMember<String>(Field.tenant)
        var taskID = ProtoMember<A2A.TaskID>(Field.taskID)
        var pageSize = ProtoMember<ProtoInt32>(Field.pageSize)
        var pageToken = ProtoMember<String>(Field.pageToken)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tenant: try tenant.read(from: &reader)
            case .taskID: try taskID.read(from: &reader)
            case .pageSize: try pageSize.read(from: &reader)
            case .pageToken: try pageToken.read(from: &reader)
            }
        }
        self.init(
            tenant: try tenant.optional()?.ifNotEmpty,
            taskID: try taskID.optional() ?? "",
            pageSize: try pageSize.optional()?.value,
            pageToken: try pageToken.optional()?.ifNotEmpty)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tenant: try writer.ifNotEmpty(field, tenant)
        case .taskID: try writer.field(field, taskID)
        case .pageSize: try writer.ifNotZero(field, pageSize)
        case .pageToken: try writer.ifNotEmpty(field, pageToken)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.taskID, taskID)
        check.range(Field.pageSize, pageSize, 0...Int.max)
    }
}
