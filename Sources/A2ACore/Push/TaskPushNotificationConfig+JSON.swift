// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.TaskPushNotificationConfig: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tenant
        case id
        case taskID = "taskId"
        case url
        case token
        case authentication
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tenant = ProtoMember<String>(Field.tenant)
        var id = ProtoMember<A2A.PushConfigID>(Field.id)
        var taskID = ProtoMember<A2A.TaskID>(Field.taskID)
        var url = ProtoMember<String>(Field.url)
        var token = ProtoMember<String>(Field.token)
        var authentication = ProtoMember<A2A.AuthenticationInfo>(Field.authentication)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tenant: try tenant.read(from: &reader)
            case .id: try id.read(from: &reader)
            case .taskID: try taskID.read(from: &reader)
            case .url: try url.read(from: &reader)
            case .token: try token.read(from: &reader)
            case .authentication: try authentication.read(from: &reader)
            }
        }
        self.init(
            tenant: try tenant.optional()?.ifNotEmpty,
            id: try id.optional()?.ifNotEmpty,
            taskID: try taskID.optional()?.ifNotEmpty,
            url: try url.optional() ?? "",
            token: try token.optional()?.ifNotEmpty,
            authentication: try authentication.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tenant: try writer.ifNotEmpty(field, tenant)
        case .id: try writer.ifNotEmpty(field, id)
        case .taskID: try writer.ifNotEmpty(field, taskID)
        case .url: try writer.field(field, url)
        case .token: try writer.ifNotEmpty(field, token)
        case .authentication: try writer.field(field, authentication)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.url, url)
        check.object(Field.authentication, authentication)
    }
}
