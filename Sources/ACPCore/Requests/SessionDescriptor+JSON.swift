// SPDX-License-Identifier: Apache-2.0

extension SessionDescriptor: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case id
        case history
        case state
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var id = JSONMember<SessionID>(Field.id)
        var history = JSONMember<[String]>(Field.history)
        var state = JSONMember<String>(Field.state)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .id: try id.read(from: &reader)
            case .history: try history.read(from: &reader)
            case .state: try state.read(from: &reader)
            }
        }
        self.init(
            id: try id.required(),
            history: try history.optional() ?? [],
            state: try state.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .id: try writer.member(field, id)
        case .history: try writer.member(field, history)
        case .state: try writer.member(field, state)
        }
    }
}
