// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// How objects of the protocol are written to and read from JSON.
///
/// The form is that of Protocol Buffers (ProtoJSON). Written are names in lower camel case, enumerations by name, and no field that
/// has its default, unless it is required. Read are names in camel case and in snake case, enumerations by name and by number,
/// integers as numbers and as texts, and `null` as a missing field. Fields that are not known are ignored. A document must be JSON
/// as ``ACPJSON`` reads it: in UTF-8, and not nested deeper than ``ACPJSON/maximumDepth``.
public enum A2AJSON {
    /// Returns the JSON of an object, as UTF-8, without line breaks.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/internalError`` if the object holds what JSON cannot: a
    ///   number that is infinite, or nesting that is too deep.
    public static func encode(_ value: some A2AObject) throws(A2AError) -> [UInt8] {
        guard let value = value as? any JSONWritable else {
            throw A2AError(.internalError, "\(type(of: value)) is not an object of A2ACore: use a type of A2A")
        }
        return try write(value)
    }

    /// Reads an object from JSON.
    ///
    /// - Parameters:
    ///   - type: The type of the object.
    ///   - json: The JSON, as UTF-8.
    ///   - isComplete: Whether all required fields must have values. Servers require it of requests. If `false`, which is the
    ///     default, a required field that is missing has its default.
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/parseError`` if it is not JSON, and with code
    ///   ``A2AError/Code-swift.struct/invalidParams`` if a field has a wrong value. The field is named in
    ///   ``A2AError/violations``.
    public static func decode<Value: A2AObject>(
        _ type: Value.Type = Value.self, from json: some Sequence<UInt8>, isComplete: Bool = false
    ) throws(A2AError) -> Value {
        guard let type = type as? any JSONReadable.Type else {
            throw A2AError(.internalError, "\(type) is not an object of A2ACore: use a type of A2A")
        }
        let any: Any = try read(type, from: json)
        guard let value = any as? Value else {
            throw A2AError(.internalError, "\(type) was read as another type")
        }
        if isComplete { try value.validate() }
        return value
    }

    // The same for types of which it is known here that they are written and read directly.

    package static func encode(_ value: some ProtoObject) throws(A2AError) -> [UInt8] { try write(value) }

    package static func decode<Value: ProtoObject>(
        _ type: Value.Type = Value.self, from json: some Sequence<UInt8>, isComplete: Bool = false
    ) throws(A2AError) -> Value {
        let value = try read(type, from: json)
        if isComplete { try value.validate() }
        return value
    }

    /// Returns the JSON of any value that is written directly.
    package static func write(_ value: some JSONWritable) throws(A2AError) -> [UInt8] {
        try write { (writer) throws(JSONFault) in try value.write(to: &writer) }
    }

    /// Returns the JSON that a closure writes.
    static func write(_ body: (inout JSONWriter) throws(JSONFault) -> Void) throws(A2AError) -> [UInt8] {
        do throws(JSONFault) {
            var writer = JSONWriter(depth: ACPJSON.maximumDepth)
            try body(&writer)
            return writer.takeBytes()
        } catch {
            switch error.reason {
            case .notFinite(let number):
                throw A2AError(
                    .internalError,
                    "\(ACPJSON.path(error.path)) cannot be written as JSON: \(number) (JSON has finite numbers only)")
            default:
                throw A2AError(
                    .internalError,
                    "a value cannot be written as JSON: it is nested deeper than \(ACPJSON.maximumDepth) levels")
            }
        }
    }

    /// Reads any value that is read directly.
    package static func read<Value: JSONReadable>(
        _ type: Value.Type = Value.self, from json: some Sequence<UInt8>
    ) throws(A2AError) -> Value {
        let read = json.withContiguousStorageIfAvailable { result(type, from: UnsafeRawBufferPointer($0)) }
        return try (read ?? Array(json).withUnsafeBytes { result(type, from: $0) }).get()
    }

    /// Reads any value that is read directly, from bytes.
    static func result<Value: JSONReadable>(
        _ type: Value.Type, from bytes: UnsafeRawBufferPointer
    ) -> Result<Value, A2AError> {
        do throws(JSONFault) {
            return .success(try JSONReader.read(type, from: bytes))
        } catch {
            return .failure(A2AError(error, in: bytes))
        }
    }
}

extension A2AError {
    /// The error of a document that cannot be read.
    init(_ fault: JSONFault, in bytes: UnsafeRawBufferPointer) {
        let message = ACPJSON.describe(fault, in: bytes)
        guard fault.isOfShape else {
            self.init(.parseError, message)
            return
        }
        let path = fault.path.isEmpty ? "" : ACPJSON.path(fault.path)
        self.init(.invalidParams, message, violations: [FieldViolation(field: path, description: message)])
    }
}
