// SPDX-License-Identifier: Apache-2.0

extension ACPError: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case code
        case message
        case data
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var code = JSONMember<Code>(Field.code)
        var message = JSONMember<String>(Field.message)
        var data = JSONMember<JSONObject>(Field.data)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .code: try code.read(from: &reader)
            case .message: try message.read(from: &reader)
            case .data: try data.read(from: &reader)
            }
        }
        self.init(try code.required(), try message.required(), data: try data.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .code: try writer.member(field, code)
        case .message: try writer.member(field, message)
        case .data: try writer.member(field, data)
        }
    }
}

extension ACPError.Code: Codable, JSONText {}
