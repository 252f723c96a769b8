// SPDX-License-Identifier: Apache-2.0

extension SessionHistoryResponse: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case history
        case total
        case nextOffset = "next_offset"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var history = JSONMember<[SessionHistoryEntry]>(Field.history)
        var total = JSONMember<Int>(Field.total)
        var nextOffset = JSONMember<Int>(Field.nextOffset)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .history: try history.read(from: &reader)
            case .total: try total.read(from: &reader)
            case .nextOffset: try nextOffset.read(from: &reader)
            }
        }
        self.init(
            history: try history.required(),
            total: try total.required(),
            nextOffset: try nextOffset.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .history: try writer.member(field, history)
        case .total: try writer.member(field, total)
        case .nextOffset: try writer.member(field, nextOffset)
        }
    }
}

extension SessionHistoryEntry: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case url
        case message
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var url = JSONMember<String>(Field.url)
        var message = JSONMember<Message>(Field.message)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .url: try url.read(from: &reader)
            case .message: try message.read(from: &reader)
            }
        }
        self.init(
            url: try url.required(),
            message: try message.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .url: try writer.member(field, url)
        case .message: try writer.member(field, message)
        }
    }
}
