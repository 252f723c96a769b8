// SPDX-License-Identifier: Apache-2.0

/// The members of an object that holds a message. Other objects have no fixed members.
private enum AwaitField: JSONName, JSONField {
    case type
    case message

    static let messageType = "message"
}

extension AwaitPayload {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        guard try reader.lookAhead(at: AwaitField.type).uncheckedValue == AwaitField.messageType else {
            self = .other(try JSONObject(json: &reader))
            return
        }
        var message = JSONMember<Message>(AwaitField.message)
        try reader.beginObject()
        while let field = try reader.nextField(AwaitField.self) {
            switch field {
            case .type: try reader.skip()
            case .message: try message.read(from: &reader)
            }
        }
        self = .message(try message.required())
    }
}

extension Message {
    fileprivate func writeAwaited(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        try writer.member(AwaitField.type, AwaitField.messageType)
        try writer.member(AwaitField.message, self)
        writer.endObject()
    }
}

extension AwaitRequest: JSONCodable {
    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        switch self {
        case .message(let message): try message.writeAwaited(to: &writer)
        case .other(let members): try members.write(to: &writer)
        }
    }
}

extension AwaitResume: JSONCodable {
    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        switch self {
        case .message(let message): try message.writeAwaited(to: &writer)
        case .other(let members): try members.write(to: &writer)
        }
    }
}
