// SPDX-License-Identifier: Apache-2.0

extension Event: Codable, JSONCodable {
    enum Field: JSONName, JSONField {
        case type
        case run
        case message
        case part
        case generic
        case error
        case runID = "run_id"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        let start = reader
        // Most servers write the type first.
        let first = try reader.lookAhead(at: Field.type, stopsAtFirst: true)
        if let event = try Event(type: first, from: &reader, isLast: false) {
            self = event
            return
        }
        reader = start
        let last = try reader.lookAhead(at: Field.type)
        guard let event = try Event(type: last, from: &reader, isLast: true) else { throw JSONFault(.missing) }
        self = event
    }

    /// Reads an event of a type.
    ///
    /// Returns `nil` if another member `type` follows in the same object: then that one is valid.
    ///
    /// - Parameter isLast: Whether the type is known to be the last one of the object.
    private init?(type: JSONMember<String>, from reader: inout JSONReader, isLast: Bool) throws(JSONFault) {
        let text = type.uncheckedValue
        guard text != nil || isLast else { return nil }
        var payload = PayloadReader(reader: reader, type: isLast ? nil : text)
        defer { reader = payload.reader }
        let event: Event? =
            switch Kind(rawValue: text ?? "") {
            case .runCreated: try payload.read(.run, Event.runCreated)
            case .runInProgress: try payload.read(.run, Event.runInProgress)
            case .runAwaiting: try payload.read(.run, Event.runAwaiting)
            case .runCompleted: try payload.read(.run, Event.runCompleted)
            case .runCancelled: try payload.read(.run, Event.runCancelled)
            case .runFailed: try payload.read(.run, Event.runFailed)
            case .messageCreated: try payload.read(.message, Event.messageCreated)
            case .messagePart: try payload.read(.part, Event.messagePart)
            case .messageCompleted: try payload.read(.message, Event.messageCompleted)
            case .generic: try payload.read(.generic, Event.generic)
            case .error: try payload.read(.error, Event.error)
            default: try payload.readUnknown(type)
            }
        guard let event else { return nil }
        self = event
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        if case .unknown(let members) = self { return try members.write(to: &writer) }
        try writer.beginObject()
        try writer.member(Field.type, kind)
        switch self {
        case .runCreated(let run), .runInProgress(let run), .runAwaiting(let run), .runCompleted(let run),
            .runCancelled(let run), .runFailed(let run):
            try writer.member(Field.run, run)
        case .messageCreated(let message), .messageCompleted(let message):
            try writer.member(Field.message, message)
        case .messagePart(let part): try writer.member(Field.part, part)
        case .generic(let value): try writer.member(Field.generic, value)
        case .error(let error): try writer.member(Field.error, error)
        case .unknown: break
        }
        writer.endObject()
    }
}

extension Event.Kind: Codable, JSONText {}

/// Reads an event whose type is known: the one member that this type has. All other members are skipped.
private struct PayloadReader {
    var reader: JSONReader
    /// The type that the event is read as. If `nil`, it is the last one of the object.
    let type: String?

    mutating func read<Value: JSONReadable>(
        _ field: Event.Field, _ event: (Value) -> Event
    ) throws(JSONFault) -> Event? {
        let start = reader
        var payload = JSONMember<Value>(field)
        var runID = JSONMember<RunID>(Event.Field.runID)
        var isOther = false
        try reader.beginObject()
        while let next = try reader.nextField(Event.Field.self) {
            switch next {
            case field: try payload.read(from: &reader)
            case .type:
                var again = JSONMember<String>(next)
                try again.read(from: &reader)
                if let type, again.uncheckedValue != type { isOther = true }
            case .runID: try runID.read(from: &reader)
            case .run, .message, .part, .generic, .error: try reader.skip()
            }
        }
        if isOther { return nil }
        if field == .run, payload.isMissing, runID.uncheckedValue != nil {
            // The event holds the run's id instead of the run.
            reader = start
            return .unknown(try JSONObject(json: &reader))
        }
        return event(try payload.required())
    }

    mutating func readUnknown(_ type: JSONMember<String>) throws(JSONFault) -> Event? {
        let members = try JSONObject(json: &reader)
        if let text = self.type, members[Event.Field.type.name] != .string(text) { return nil }
        _ = try type.required()
        return .unknown(members)
    }
}

/// The type of an event, read without the rest.
struct EventType: JSONReadable {
    let kind: Event.Kind

    init(json reader: inout JSONReader) throws(JSONFault) {
        let type = try reader.lookAhead(at: Event.Field.type)
        try reader.skip()
        kind = Event.Kind(rawValue: try type.required())
    }

    init(from decoder: any Decoder) throws { kind = try Event(from: decoder).kind }
}
