// SPDX-License-Identifier: Apache-2.0

extension AgentCapability: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case name
        case description
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var name = JSONMember<String>(Field.name)
        var description = JSONMember<String>(Field.description)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .name: try name.read(from: &reader)
            case .description: try description.read(from: &reader)
            }
        }
        self.init(
            name: try name.required(),
            description: try description.required())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .name: try writer.member(field, name)
        case .description: try writer.member(field, description)
        }
    }
}
