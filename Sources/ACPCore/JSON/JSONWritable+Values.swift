// SPDX-License-Identifier: Apache-2.0

extension String: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.string(self) }
}

extension Int: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.integer(self) }
}

extension Array: JSONWritable where Element: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) { try writer.array(self) }
}

extension JSONValue: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.integer(value)
        case .unsigned(let value): writer.integer(value)
        case .largeInteger(let value): writer.digits(value.description)
        case .number(let value): try writer.number(value)
        case .string(let value): writer.string(value)
        case .array(let elements): try writer.array(elements)
        case .object(let members):
            try writer.object { writer throws(JSONWriter.Refusal) in try writer.members(members) }
        }
    }
}

extension JSONObject: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        try writer.object { writer throws(JSONWriter.Refusal) in try writer.members(self) }
    }
}

extension Timestamp: JSONWritable {
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension RawRepresentable where Self: JSONWritable, RawValue == String {
    package func write(to writer: inout JSONWriter) { writer.string(rawValue) }
}

extension RunID: JSONWritable {}
extension SessionID: JSONWritable {}
extension AgentName: JSONWritable {}
extension RunStatus: JSONWritable {}
extension ACPError.Code: JSONWritable {}
extension MessagePart.ContentEncoding: JSONWritable {}
extension Message.Role: JSONWritable {}
