// SPDX-License-Identifier: Apache-2.0

extension AgentDependency: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case type
        case name
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var type = JSONMember<Kind>(Field.type)
        var name = JSONMember<String>(Field.name)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .type: try type.read(from: &reader)
            case .name: try name.read(from: &reader)
            }
        }
        self.type = try type.optional()
        self.name = try name.optional()
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .type: try writer.member(field, type)
        case .name: try writer.member(field, name)
        }
    }
}

extension AgentDependency.Kind: Codable, JSONText {}
