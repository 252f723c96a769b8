// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// A document in the bytes in which it is stored.
///
/// A document is encoded once, where it is created. Storages keep the bytes and return them without decoding them. A
/// caller that requires the value calls ``decode(_:)``.
public struct Encoded<Value: Codable & Sendable>: Sendable, Hashable {
    /// The document as JSON in UTF-8, without line breaks.
    public let json: [UInt8]
    /// The value of the document, if it is known already.
    private let value: Value?

    /// Creates a document by encoding a value.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - what: The name of the document in the error message: "the input of run 1".
    /// - Throws: ``StorageError`` with code `refused` if the value holds something that JSON cannot represent (an
    ///   infinite number, for example).
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

    /// Creates a document from its bytes.
    ///
    /// - Parameters:
    ///   - json: The bytes.
    ///   - value: The value of the document, if it is known already: then it is not decoded again. Defaults to `nil`.
    public init(json: [UInt8], value: Value? = nil) {
        self.json = json
        self.value = value
    }

    /// Returns the value of the document.
    ///
    /// - Parameter what: The name of the document in the error message: "the input of run 1".
    /// - Throws: ``StorageError`` with code `corruptData` if the bytes are not the JSON of such a value.
    public func decode(_ what: @autoclosure () -> String) throws(StorageError) -> Value {
        if let value { return value }
        do throws(ACPError) {
            return try ACPJSON.decode(Value.self, from: json)
        } catch {
            throw StorageError(.corruptData, "\(what()) cannot be read: \(error.message)", cause: error)
        }
    }

    /// Returns whether two documents have the same bytes.
    public static func == (left: Encoded, right: Encoded) -> Bool { left.json == right.json }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combine(json) }
}

extension EncodedEvent {
    /// Creates an event from stored bytes.
    ///
    /// - Parameters:
    ///   - json: The bytes.
    ///   - what: The name of the event in the error message: "event 3 of run 1".
    /// - Throws: ``StorageError`` with code `corruptData` if the bytes are not the JSON of an event.
    public init(stored json: [UInt8], as what: @autoclosure () -> String) throws(StorageError) {
        do throws(ACPError) {
            try self.init(json: json)
        } catch {
            throw StorageError(.corruptData, "\(what()) cannot be read: \(error.message)", cause: error)
        }
    }
}

/// The identity of a document in a storage, for error messages.
public enum StoredDocument: Sendable, Hashable {
    /// The snapshot of a run.
    case run(RunID)
    /// The input of a run.
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
