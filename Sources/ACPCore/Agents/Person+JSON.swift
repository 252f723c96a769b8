// SPDX-License-Identifier: Apache-2.0

extension AgentMetadata.Person: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case name
        case email
        case url
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var name = JSONMember<String>(Field.name)
        var email = JSONMember<String>(Field.email)
        var url = JSONMember<String>(Field.url)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .name: try name.read(from: &reader)
            case .email: try email.read(from: &reader)
            case .url: try url.read(from: &reader)
            }
        }
        self.init(
            name: try name.required(),
            email: try email.optional(),
            url: try url.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .name: try writer.member(field, name)
        case .email: try writer.member(field, email)
        case .url: try writer.member(field, url)
        }
    }
}
