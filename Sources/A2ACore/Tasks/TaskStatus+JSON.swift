// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.TaskStatus: ProtoMessage {
    /// What stands for an object that is missing where one is required.
    static let unset = A2A.TaskStatus(state: .unspecified, timestamp: nil)

    package enum Field: JSONName, JSONField {
        case state
        case message
        case timestamp
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var state = ProtoMember<A2A.TaskState>(Field.state)
        var message = ProtoMember<A2A.Message>(Field.message)
        var timestamp = ProtoMember<Timestamp>(Field.timestamp)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .state: try state.read(from: &reader)
            case .message: try message.read(from: &reader)
            case .timestamp: try timestamp.read(from: &reader)
            }
        }
        self.init(
            state: try state.optional() ?? .unspecified,
            message: try message.optional(),
            timestamp: try timestamp.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .state: try writer.field(field, state)
        case .message: try writer.field(field, message)
        case .timestamp: try writer.moment(field, timestamp)
        }
    }

    package func check(_ check: inout FieldCheck) {
        check.value(Field.state, isMissing: state == .unspecified)
        check.object(Field.message, message)
    }
}
