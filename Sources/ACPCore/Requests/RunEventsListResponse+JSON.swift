// SPDX-License-Identifier: Apache-2.0

extension RunEventsListResponse: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case events
        case nextOffset = "next_offset"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var events = JSONMember<[Event]>(Field.events)
        var nextOffset = JSONMember<Int>(Field.nextOffset)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .events: try events.read(from: &reader)
            case .nextOffset: try nextOffset.read(from: &reader)
            }
        }
        self.init(
            events: try events.required(),
            nextOffset: try nextOffset.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .events: try writer.member(field, events)
        case .nextOffset: try writer.member(field, nextOffset)
        }
    }
}
