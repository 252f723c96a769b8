// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// A document as the bytes in which it is stored.
///
/// A document is encoded once, where it is made. Storages keep the bytes and return them without decoding them. A caller that needs
/// the value calls ``decode(_:)``.
public struct Encoded<Value: Codable & Sendable>: Sendable, Hashable {
    /// The document as JSON in UTF-8, without line breaks.
    public let json: [UInt8]
    /// What the bytes mean, if that is known already.
    private let value: Value?

    /// Encodes a value.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - what: What the value is, for the error message: "the input of run 1".
    /// - Throws: ``StorageError`` with code `refused` if it holds something that JSON cannot (an infinite number, for example).
    public init(_ value: Value, as what: @autoclosure () -> String) throws(StorageError) {
        try self.init(as: what()) { () throws(ACPError) in try ACPJSON.encode(value) }
    }

    /// The same for the types of which it is known here that they are written directly.
    package init(_ value: Value, as what: @autoclosure () -> String) throws(StorageError) where Value: JSONWritable {
        try self.init(as: what()) { () throws(ACPError) in try ACPJSON.encode(value) }
    }

    private init(as what: @autoclosure () -> String, _ encode: () throws(ACPError) -> [UInt8]) throws(StorageError) {
        do throws(ACPError) {
            self.init(json: try encode())
        } catch {
            throw StorageError(.refused, "\(what()) cannot be stored: \(error.message)", cause: error)
        }
    }

    /// Takes bytes that were encoded before.
    ///
    /// - Parameters:
    ///   - json: The bytes.
    ///   - value: What they mean, if it is known already: then it is not decoded again.
    public init(json: [UInt8], value: Value? = nil) {
        self.json = json
        self.value = value
    }

    /// Returns the value.
    ///
    /// - Parameter what: What the document is, for the error message: "the input of run 1".
    /// - Throws: ``StorageError`` with code `corruptData` if the bytes are not the JSON of such a value.
    public func decode(_ what: @autoclosure () -> String) throws(StorageError) -> Value {
        if let value { return value }
        do throws(ACPError) {
            return try ACPJSON.decode(Value.self, from: json)
        } catch {
            throw StorageError(.corruptData, "\(what()) cannot be read: \(error.message)", cause: error)
        }
    }

    /// Two documents are equal if their bytes are.
    public static func == (left: Encoded, right: Encoded) -> Bool { left.json == right.json }

    public func hash(into hasher: inout Hasher) { hasher.combine(json) }
}

extension EncodedEvent {
    /// Takes the bytes of an event that was stored.
    ///
    /// - Parameters:
    ///   - json: The bytes.
    ///   - what: Which event it is, for the error message: "event 3 of run 1".
    /// - Throws: ``StorageError`` with code `corruptData` if they are not the JSON of an event.
    public init(stored json: [UInt8], as what: @autoclosure () -> String) throws(StorageError) {
        do throws(ACPError) {
            try self.init(json: json)
        } catch {
            throw StorageError(.corruptData, "\(what()) cannot be read: \(error.message)", cause: error)
        }
    }
}

/// Names a document that a storage keeps.
public enum StoredDocument: Sendable, Hashable {
    /// The snapshot of a run.
    case run(RunID)
    /// What a run was called with.
    case input(RunID)
    /// The metadata of a session.
    case session(SessionID)
    /// An entry of a session's history, by its index.
    case historyEntry(SessionID, Int)
}

extension StoredDocument: CustomStringConvertible {
    /// The document's name in error messages: "the input of run 1".
    public var description: String {
        switch self {
        case .run(let run): "run \(run)"
        case .input(let run): "the input of run \(run)"
        case .session(let session): "the metadata of session \(session)"
        case .historyEntry(let session, let index): "entry \(index) of the history of session \(session)"
        }
    }
}

extension Encoded: CustomStringConvertible {
    /// The document as text.
    public var description: String { String(decoding: json, as: UTF8.self) }
}
