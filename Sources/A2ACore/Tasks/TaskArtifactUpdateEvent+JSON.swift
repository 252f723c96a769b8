// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.TaskArtifactUpdateEvent: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case taskID = "taskId"
        case contextID = "contextId"
        case artifact
        case isAppended = "append"
        case isLastChunk = "lastChunk"
        case metadata
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var taskID = ProtoMember<A2A.TaskID>(Field.taskID)
        var contextID = ProtoMember<A2A.ContextID>(Field.contextID)
        var artifact = ProtoMember<A2A.Artifact>(Field.artifact)
        var isAppended = ProtoMember<Bool>(Field.isAppended)
        var isLastChunk = ProtoMember<Bool>(Field.isLastChunk)
        var metadata = ProtoMember<JSONObject>(Field.metadata)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .taskID: try taskID.read(from: &reader)
            case .contextID: try contextID.read(from: &reader)
            case .artifact: try artifact.read(from: &reader)
            case .isAppended: try isAppended.read(from: &reader)
            case .isLastChunk: try isLastChunk.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            }
        }
        self.init(
            taskID: try taskID.optional() ?? "",
            contextID: try contextID.optional() ?? "",
            artifact: try artifact.optional() ?? .unset,
            isAppended: try isAppended.optional() ?? false,
            isLastChunk: try isLastChunk.optional() ?? false,
            metadata: try metadata.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .taskID: try writer.field(field, taskID)
        case .contextID: try writer.field(field, contextID)
        case .artifact: try writer.field(field, artifact)
        case .isAppended: try writer.ifTrue(field, isAppended)
        case .isLastChunk: try writer.ifTrue(field, isLastChunk)
        case .metadata: try writer.field(field, metadata)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.text(Field.taskID, taskID)
        check.text(Field.contextID, contextID)
        if artifact == .unset {
            check.value(Field.artifact, isMissing: true)
        } else {
            check.object(Field.artifact, artifact)
        }
    }
}
