// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.SendMessageConfiguration: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case acceptedOutputModes
        case pushNotificationConfig = "taskPushNotificationConfig"
        case historyLength
        case returnsImmediately = "returnImmediately"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var acceptedOutputModes = ProtoMember<[String]>(Field.acceptedOutputModes)
        var pushNotificationConfig = ProtoMember<A2A.TaskPushNotificationConfig>(Field.pushNotificationConfig)
        var historyLength = ProtoMember<ProtoInt32>(Field.historyLength)
        var returnsImmediately = ProtoMember<Bool>(Field.returnsImmediately)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .acceptedOutputModes: try acceptedOutputModes.read(from: &reader)
            case .pushNotificationConfig: try pushNotificationConfig.read(from: &reader)
            case .historyLength: try historyLength.read(from: &reader)
            case .returnsImmediately: try returnsImmediately.read(from: &reader)
            }
        }
        self.init(
            acceptedOutputModes: try acceptedOutputModes.optional() ?? [],
            pushNotificationConfig: try pushNotificationConfig.optional(),
            historyLength: try historyLength.optional()?.value,
            returnsImmediately: try returnsImmediately.optional() ?? false)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .acceptedOutputModes: try writer.ifNotEmpty(field, acceptedOutputModes)
        case .pushNotificationConfig: try writer.field(field, pushNotificationConfig)
        case .historyLength: try writer.field(field, historyLength)
        case .returnsImmediately: try writer.ifTrue(field, returnsImmediately)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.object(Field.pushNotificationConfig, pushNotificationConfig)
        check.range(Field.historyLength, historyLength, 0...Int.max)
    }
}
