// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.ListTasksRequest: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tenant
        case contextID = "contextId"
        case status
        case pageSize
        case pageToken
        case historyLength
        case statusTimestampAfter
        case includesArtifacts = "includeArtifacts"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tenant = ProtoMember<String>(Field.tenant)
        var contextID = ProtoMember<A2A.ContextID>(Field.contextID)
        var status = ProtoMember<A2A.TaskState>(Field.status)
        var pageSize = ProtoMember<ProtoInt32>(Field.pageSize)
        var pageToken = ProtoMember<String>(Field.pageToken)
        var historyLength = ProtoMember<ProtoInt32>(Field.historyLength)
        var statusTimestampAfter = ProtoMember<Timestamp>(Field.statusTimestampAfter)
        var includesArtifacts = ProtoMember<Bool>(Field.includesArtifacts)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tenant: try tenant.read(from: &reader)
            case .contextID: try contextID.read(from: &reader)
            case .status: try status.read(from: &reader)
            case .pageSize: try pageSize.read(from: &reader)
            case .pageToken: try pageToken.read(from: &reader)
            case .historyLength: try historyLength.read(from: &reader)
            case .statusTimestampAfter: try statusTimestampAfter.read(from: &reader)
            case .includesArtifacts: try includesArtifacts.read(from: &reader)
            }
        }
        self.init(
            tenant: try tenant.optional()?.ifNotEmpty,
            contextID: try contextID.optional()?.ifNotEmpty,
            status: try status.optional(),
            pageSize: try pageSize.optional()?.value,
            pageToken: try pageToken.optional()?.ifNotEmpty,
            historyLength: try historyLength.optional()?.value,
            statusTimestampAfter: try statusTimestampAfter.optional(),
            includesArtifacts: try includesArtifacts.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tenant: try writer.ifNotEmpty(field, tenant)
        case .contextID: try writer.ifNotEmpty(field, contextID)
        case .status: if let status, status != .unspecified { try writer.field(field, status) }
        case .pageSize: try writer.field(field, pageSize)
        case .pageToken: try writer.ifNotEmpty(field, pageToken)
        case .historyLength: try writer.field(field, historyLength)
        case .statusTimestampAfter: try writer.moment(field, statusTimestampAfter)
        case .includesArtifacts: try writer.field(field, includesArtifacts)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.range(Field.pageSize, pageSize, 1...100)
        check.range(Field.historyLength, historyLength, 0...Int.max)
    }
}
