// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension HistoryEntry: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case message
        case link
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var message = JSONMember<Message>(Field.message)
        var link = JSONMember<String>(Field.link)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .message: try message.read(from: &reader)
            case .link: try link.read(from: &reader)
            }
        }
        if let url = try link.optional() { self = .link(url) } else { self = .message(try message.required()) }
    }

    /// Writes the one member that there is.
    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        switch self {
        case .message: try write(.message, to: &writer)
        case .link: try write(.link, to: &writer)
        }
        writer.endObject()
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch (field, self) {
        case (.message, .message(let message)): try writer.member(field, message)
        case (.link, .link(let url)): try writer.member(field, url)
        case (.message, .link), (.link, .message): break
        }
    }
}
