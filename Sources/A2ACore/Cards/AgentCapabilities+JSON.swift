// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentCapabilities: ProtoMessage {
    /// What stands for an object that is missing where one is required.
    static let unset = A2A.AgentCapabilities()

    package enum Field: JSONName, JSONField {
        case streaming
        case pushNotifications
        case extensions
        case extendedAgentCard
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var streaming = ProtoMember<Bool>(Field.streaming)
        var pushNotifications = ProtoMember<Bool>(Field.pushNotifications)
        var extensions = ProtoMember<[A2A.AgentExtension]>(Field.extensions)
        var extendedAgentCard = ProtoMember<Bool>(Field.extendedAgentCard)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .streaming: try streaming.read(from: &reader)
            case .pushNotifications: try pushNotifications.read(from: &reader)
            case .extensions: try extensions.read(from: &reader)
            case .extendedAgentCard: try extendedAgentCard.read(from: &reader)
            }
        }
        self.init(
            streaming: try streaming.optional(),
            pushNotifications: try pushNotifications.optional(),
            extensions: try extensions.optional() ?? [],
            extendedAgentCard: try extendedAgentCard.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .streaming: try writer.field(field, streaming)
        case .pushNotifications: try writer.field(field, pushNotifications)
        case .extensions: try writer.ifNotEmpty(field, extensions)
        case .extendedAgentCard: try writer.field(field, extendedAgentCard)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.objects(Field.extensions, extensions)
    }
}
