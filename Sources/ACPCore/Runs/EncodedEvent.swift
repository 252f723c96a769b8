// SPDX-License-Identifier: Apache-2.0

/// An event as the bytes that storages keep and streams send.
///
/// An event is encoded once, when it happens. Storage, live streams, replay and other processes all use the same bytes,
/// so no reader pays for encoding it again, and all readers see the same event.
public struct EncodedEvent: Sendable, Hashable {
    /// The kind of the event.
    public let kind: Event.Kind
    /// The event as one JSON object in UTF-8, without line breaks.
    public let json: [UInt8]

    /// Encodes an event.
    ///
    /// - Throws: ``ACPError`` if the event holds a value that JSON cannot represent (an infinite number, for example).
    public init(_ event: Event) throws(ACPError) {
        kind = event.kind
        switch event {
        case .runCreated(let run), .runInProgress(let run), .runAwaiting(let run), .runCompleted(let run),
            .runCancelled(let run), .runFailed(let run):
            json = try EncodedEvent.wrap(kind, "run", ACPJSON.encode(run))
        case .messageCreated(let message), .messageCompleted(let message):
            json = try EncodedEvent.wrap(kind, "message", ACPJSON.encode(message, depth: EncodedEvent.messageDepth))
        case .messagePart(let part):
            json = try EncodedEvent.wrap(kind, "part", ACPJSON.encode(part, depth: EncodedEvent.partDepth))
        case .generic(let value):
            json = try EncodedEvent.wrap(kind, "generic", ACPJSON.encode(value, depth: EncodedEvent.partDepth))
        case .error(let error):
            json = try EncodedEvent.wrap(kind, "error", ACPJSON.encode(error, depth: EncodedEvent.partDepth))
        case .unknown:
            json = try ACPJSON.encode(event)
        }
    }

    /// Creates an event about a run from the run's JSON, so that a large run is not encoded twice.
    package init(kind: Event.Kind, runJSON: [UInt8]) {
        self.kind = kind
        json = EncodedEvent.wrap(kind, "run", runJSON)
    }

    /// Creates an event from its JSON, for example from a storage.
    ///
    /// - Throws: ``ACPError`` if they are not the JSON of an event.
    public init(json: [UInt8]) throws(ACPError) {
        self.json = json
        if let kind = EncodedEvent.leadingKind(json) {
            self.kind = kind
        } else {
            kind = try ACPJSON.decode(EventType.self, from: json).kind
        }
    }

    /// Returns the event as a value.
    ///
    /// - Throws: ``ACPError`` if the bytes are not the JSON of an event.
    public func decode() throws(ACPError) -> Event { try ACPJSON.decode(Event.self, from: json) }

    /// A part that is accepted must also fit into the run's last event, and that event into a list of events.
    private static let partDepth = ACPJSON.maximumDepth - 16
    private static let messageDepth = partDepth + 2

    /// Writes the type first, where ``leadingKind(_:)`` finds it without parsing the rest.
    private static func wrap(_ kind: Event.Kind, _ key: String, _ payload: [UInt8]) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(payload.count + 48)
        json += typePrefix
        json += kind.rawValue.utf8
        json += "\",\"".utf8
        json += key.utf8
        json += "\":".utf8
        json += payload
        json.append(UInt8(ascii: "}"))
        return json
    }

    private static let typePrefix = Array("{\"type\":\"".utf8)

    private static func leadingKind(_ json: [UInt8]) -> Event.Kind? {
        guard json.starts(with: typePrefix) else { return nil }
        let rest = json[typePrefix.count...].prefix(32)
        guard let end = rest.firstIndex(of: UInt8(ascii: "\"")), !rest[..<end].contains(UInt8(ascii: "\\"))
        else { return nil }
        return Event.Kind(rawValue: String(decoding: rest[..<end], as: UTF8.self))
    }
}
