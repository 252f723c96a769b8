// SPDX-License-Identifier: Apache-2.0

extension Message: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case role
        case parts
        case createdAt = "created_at"
        case completedAt = "completed_at"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var role = JSONMember<Role>(Field.role)
        var parts = JSONMember<[MessagePart]>(Field.parts)
        var createdAt = JSONMember<Timestamp>(Field.createdAt)
        var completedAt = JSONMember<Timestamp>(Field.completedAt)
        var extra = JSONObject()
        try reader.beginObject()
        while let field = try reader.nextField(Field.self, othersIn: &extra) {
            switch field {
            case .role: try role.read(from: &reader)
            case .parts: try parts.read(from: &reader)
            case .createdAt: try createdAt.read(from: &reader)
            case .completedAt: try completedAt.read(from: &reader)
            }
        }
        // A missing timestamp means "now", as in clients in other languages. An explicit null means that the time is
        // unknown, or that the message is still open.
        self.init(
            role: try role.optional() ?? .user,
            parts: try parts.required(),
            createdAt: createdAt.isPresent ? try createdAt.optional() : .now,
            completedAt: completedAt.isPresent ? try completedAt.optional() : .now,
            extra: extra)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .role: try writer.member(field, role)
        case .parts: try writer.member(field, parts)
        // Always written: a client would replace a missing timestamp by the time of its own clock.
        case .createdAt: if let createdAt { try writer.member(field, createdAt) } else { writer.null(field) }
        case .completedAt: if let completedAt { try writer.member(field, completedAt) } else { writer.null(field) }
        }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        try writeFields(to: &writer)
        if !extra.isEmpty { try writer.members(extra, except: Field.self) }
        writer.endObject()
    }
}

extension Message.Role: Codable, JSONText {
    package static func refusal(of text: String) -> String {
        "\"\(text.prefix(80))\" is not a role: user, agent or agent/NAME is expected"
    }
}
