// SPDX-License-Identifier: Apache-2.0

extension AgentLink: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case type
        case url
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var type = JSONMember<Kind>(Field.type)
        var url = JSONMember<String>(Field.url)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .type: try type.read(from: &reader)
            case .url: try url.read(from: &reader)
            }
        }
        self.init(
            type: try type.required(),
            url: try url.required())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .type: try writer.member(field, type)
        case .url: try writer.member(field, url)
        }
    }
}

extension AgentLink.Kind: Codable, JSONText {}
