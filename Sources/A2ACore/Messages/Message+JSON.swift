// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.Message: ProtoMessage {
    /// What stands for an object that is missing where one is required.
    static let unset = A2A.Message(id: "", role: .unspecified, parts: [])

    package enum Field: JSONName, JSONField {
        case id = "messageId"
        case contextID = "contextId"
        case taskID = "taskId"
        case role
        case parts
        case metadata
        case extensions
        case referenceTaskIDs = "referenceTaskIds"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var id = ProtoMember<A2A.MessageID>(Field.id)
        var contextID = ProtoMember<A2A.ContextID>(Field.contextID)
        var taskID = ProtoMember<A2A.TaskID>(Field.taskID)
        var role = ProtoMember<A2A.Role>(Field.role)
        var parts = ProtoMember<[A2A.Part]>(Field.parts)
        var metadata = ProtoMember<JSONObject>(Field.metadata)
        var extensions = ProtoMember<[String]>(Field.extensions)
        var referenceTaskIDs = ProtoMember<[A2A.TaskID]>(Field.referenceTaskIDs)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .id: try id.read(from: &reader)
            case .contextID: try contextID.read(from: &reader)
            case .taskID: try taskID.read(from: &reader)
            case .role: try role.read(from: &reader)
            case .parts: try parts.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            case .extensions: try extensions.read(from: &reader)
            case .referenceTaskIDs: try referenceTaskIDs.read(from: &reader)
            }
        }
        self.init(
            id: try id.optional() ?? "",
            contextID: try contextID.optional()?.ifNotEmpty,
            taskID: try taskID.optional()?.ifNotEmpty,
            role: try role.optional() ?? .unspecified,
            parts: try parts.optional() ?? [],
            metadata: try metadata.optional(),
            extensions: try extensions.optional() ?? [],
            referenceTaskIDs: try referenceTaskIDs.optional() ?? [])
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .id: try writer.field(field, id)
        case .contextID: try writer.ifNotEmpty(field, contextID)
        case .taskID: try writer.ifNotEmpty(field, taskID)
        case .role: try writer.field(field, role)
        case .parts: try writer.field(field, parts)
        case .metadata: try writer.field(field, metadata)
        case .extensions: try writer.ifNotEmpty(field, extensions)
        case .referenceTaskIDs: try writer.ifNotEmpty(field, referenceTaskIDs)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.id, id)
        check.value(Field.role, isMissing: role == .unspecified)
        check.list(Field.parts, isEmpty: parts.isEmpty)
        check.objects(Field.parts, parts)
    }
}
