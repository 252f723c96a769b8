// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.ListTaskPushNotificationConfigsResponse: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case configs
        case nextPageToken
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var configs = ProtoMember<[A2A.TaskPushNotificationConfig]>(Field.configs)
        var nextPageToken = ProtoMember<String>(Field.nextPageToken)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .configs: try configs.read(from: &reader)
            case .nextPageToken: try nextPageToken.read(from: &reader)
            }
        }
        self.init(
            configs: try configs.optional() ?? [],
            nextPageToken: try nextPageToken.optional()?.ifNotEmpty)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .configs: try writer.ifNotEmpty(field, configs)
        case .nextPageToken: try writer.ifNotEmpty(field, nextPageToken)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.objects(Field.configs, configs)
    }
}
