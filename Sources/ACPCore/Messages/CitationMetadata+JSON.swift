// SPDX-License-Identifier: Apache-2.0

extension CitationMetadata: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case startIndex = "start_index"
        case endIndex = "end_index"
        case url
        case title
        case description
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var startIndex = JSONMember<Int>(Field.startIndex)
        var endIndex = JSONMember<Int>(Field.endIndex)
        var url = JSONMember<String>(Field.url)
        var title = JSONMember<String>(Field.title)
        var description = JSONMember<String>(Field.description)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .startIndex: try startIndex.read(from: &reader)
            case .endIndex: try endIndex.read(from: &reader)
            case .url: try url.read(from: &reader)
            case .title: try title.read(from: &reader)
            case .description: try description.read(from: &reader)
            }
        }
        self.init(
            url: try url.optional(),
            title: try title.optional(),
            description: try description.optional(),
            startIndex: try startIndex.optional(),
            endIndex: try endIndex.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .startIndex: try writer.member(field, startIndex)
        case .endIndex: try writer.member(field, endIndex)
        case .url: try writer.member(field, url)
        case .title: try writer.member(field, title)
        case .description: try writer.member(field, description)
        }
    }
}
