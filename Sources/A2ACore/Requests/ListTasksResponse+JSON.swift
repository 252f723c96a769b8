// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.ListTasksResponse: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case tasks
        case nextPageToken
        case pageSize
        case totalSize
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var tasks = ProtoMember<[A2A.Task]>(Field.tasks)
        var nextPageToken = ProtoMember<String>(Field.nextPageToken)
        var pageSize = ProtoMember<ProtoInt32>(Field.pageSize)
        var totalSize = ProtoMember<ProtoInt32>(Field.totalSize)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .tasks: try tasks.read(from: &reader)
            case .nextPageToken: try nextPageToken.read(from: &reader)
            case .pageSize: try pageSize.read(from: &reader)
            case .totalSize: try totalSize.read(from: &reader)
            }
        }
        self.init(
            tasks: try tasks.optional() ?? [],
            nextPageToken: try nextPageToken.optional() ?? "",
            pageSize: try pageSize.optional()?.value ?? 0,
            totalSize: try totalSize.optional()?.value ?? 0)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .tasks: try writer.field(field, tasks)
        case .nextPageToken: try writer.field(field, nextPageToken)
        case .pageSize: try writer.field(field, pageSize)
        case .totalSize: try writer.field(field, totalSize)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.objects(Field.tasks, tasks)
    }
}
