// SPDX-License-Identifier: Apache-2.0

extension RunsListResponse: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case runs
        case total
        case nextOffset = "next_offset"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var runs = JSONMember<[Run]>(Field.runs)
        var total = JSONMember<Int>(Field.total)
        var nextOffset = JSONMember<Int>(Field.nextOffset)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .runs: try runs.read(from: &reader)
            case .total: try total.read(from: &reader)
            case .nextOffset: try nextOffset.read(from: &reader)
            }
        }
        self.init(
            runs: try runs.required(),
            total: try total.required(),
            nextOffset: try nextOffset.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .runs: try writer.member(field, runs)
        case .total: try writer.member(field, total)
        case .nextOffset: try writer.member(field, nextOffset)
        }
    }
}
