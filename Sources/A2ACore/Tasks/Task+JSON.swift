// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.Task: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case id
        case contextID = "contextId"
        case status
        case artifacts
        case history
        case metadata
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var id = ProtoMember<A2A.TaskID>(Field.id)
        var contextID = ProtoMember<A2A.ContextID>(Field.contextID)
        var status = ProtoMember<A2A.TaskStatus>(Field.status)
        var artifacts = ProtoMember<[A2A.Artifact]>(Field.artifacts)
        var history = ProtoMember<[A2A.Message]>(Field.history)
        var metadata = ProtoMember<JSONObject>(Field.metadata)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .id: try id.read(from: &reader)
            case .contextID: try contextID.read(from: &reader)
            case .status: try status.read(from: &reader)
            case .artifacts: try artifacts.read(from: &reader)
            case .history: try history.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            }
        }
        self.init(
            id: try id.optional() ?? "",
            contextID: try contextID.optional()?.ifNotEmpty,
            status: try status.optional() ?? .unset,
            artifacts: try artifacts.optional() ?? [],
            history: try history.optional() ?? [],
            metadata: try metadata.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .id: try writer.field(field, id)
        case .contextID: try writer.ifNotEmpty(field, contextID)
        case .status: try writer.field(field, status)
        case .artifacts: try writer.ifNotEmpty(field, artifacts)
        case .history: try writer.ifNotEmpty(field, history)
        case .metadata: try writer.field(field, metadata)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.id, id)
        if status == .unset { check.value(Field.status, isMissing: true) } else { check.object(Field.status, status) }
        check.objects(Field.artifacts, artifacts)
        check.objects(Field.history, history)
    }
}
