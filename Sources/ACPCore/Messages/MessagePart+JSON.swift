// SPDX-License-Identifier: Apache-2.0

extension MessagePart: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case name
        case contentType = "content_type"
        case content
        case contentEncoding = "content_encoding"
        case contentURL = "content_url"
        case metadata
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var name = JSONMember<String>(Field.name)
        var contentType = JSONMember<String>(Field.contentType)
        var content = JSONMember<String>(Field.content)
        var contentEncoding = JSONMember<ContentEncoding>(Field.contentEncoding)
        var contentURL = JSONMember<String>(Field.contentURL)
        var metadata = JSONMember<PartMetadata>(Field.metadata)
        var extra = JSONObject()
        try reader.beginObject()
        while let field = try reader.nextField(Field.self, othersIn: &extra) {
            switch field {
            case .name: try name.read(from: &reader)
            case .contentType: try contentType.read(from: &reader)
            case .content: try content.read(from: &reader)
            case .contentEncoding: try contentEncoding.read(from: &reader)
            case .contentURL: try contentURL.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            }
        }
        self.init(
            name: try name.optional(),
            contentType: try contentType.optional() ?? "text/plain",
            content: try content.optional(),
            contentEncoding: try contentEncoding.optional() ?? .plain,
            contentURL: try contentURL.optional(),
            metadata: try metadata.optional(),
            extra: extra)
        guard self.content == nil || self.contentURL == nil else {
            throw JSONFault(.invalid(MessagePart.exclusive)).under(Field.contentURL.rawValue)
        }
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .name: try writer.member(field, name)
        case .contentType: try writer.member(field, contentType)
        case .content: try writer.member(field, content)
        case .contentEncoding: try writer.member(field, contentEncoding)
        case .contentURL: try writer.member(field, contentURL)
        case .metadata: try writer.member(field, metadata)
        }
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        try writeFields(to: &writer)
        if !extra.isEmpty { try writer.members(extra, except: Field.self) }
        writer.endObject()
    }
}

extension MessagePart.ContentEncoding: Codable, JSONText {
    package static func refusal(of text: String) -> String {
        "\"\(text.prefix(40))\" is not a content encoding: plain or base64 is expected"
    }
}
