// SPDX-License-Identifier: Apache-2.0

/// The JSON encoder and decoder of all ACP objects, which all layers share.
///
/// Documents must be JSON as RFC 8259 defines it, in UTF-8, and not nested deeper than ``maximumDepth``. Of several
/// members with the same name, the last one is used. Members of a ``JSONObject`` keep their order. Integers of any size
/// are kept exactly (``JSONValue/LargeInteger``); fractions are rounded to the nearest `Double`.
public enum ACPJSON {
    /// The maximum depth to which arrays and objects may be nested, when a document is read or written.
    ///
    /// A document that is nested deeper could exhaust the stack of the thread that reads it.
    public static let maximumDepth = 128

    /// Returns the JSON of a value in UTF-8, without line breaks.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/serverError``, naming the value that JSON cannot
    ///   represent (an infinite number, for example).
    public static func encode(_ value: some Encodable) throws(ACPError) -> [UInt8] {
        if let value = value as? any JSONWritable { return try encode(value, depth: maximumDepth) }
        return try encode(try encodeTree(value), depth: maximumDepth)
    }

    /// Returns the JSON of a value whose type is known to be written directly.
    package static func encode(_ value: some JSONWritable) throws(ACPError) -> [UInt8] {
        try encode(value, depth: maximumDepth)
    }

    /// Returns the JSON of a value that becomes part of a larger document, and so is limited to a smaller depth.
    static func encode(_ value: some JSONWritable, depth: Int) throws(ACPError) -> [UInt8] {
        do throws(JSONFault) {
            return try value.written(depth: depth)
        } catch {
            throw describe(error, depth: depth)
        }
    }

    private static func describe(_ fault: JSONFault, depth: Int) -> ACPError {
        if case .notFinite(let number) = fault.reason {
            return ACPError(
                .serverError,
                "\(path(fault.path)) cannot be written as JSON: \(number) (JSON has finite numbers only)")
        }
        return ACPError(
            .serverError, "a value cannot be written as JSON: it is nested deeper than \(depth) levels")
    }

    /// Converts any value to a JSON value.
    static func encodeTree(_ value: some Encodable) throws(ACPError) -> JSONValue {
        do {
            return try ValueEncoder.encode(value)
        } catch let EncodingError.invalidValue(value, context) {
            throw ACPError(
                .serverError,
                "\(path(context.codingPath)) cannot be written as JSON: \(value) (\(context.debugDescription))"
            )
        } catch let error as ACPError {
            throw error
        } catch {
            // Remote callers can read the message of an ACPError: that of another error may not be meant for them.
            throw ACPError(.serverError, "a value cannot be written as JSON: its encode(to:) threw an error of its own")
        }
    }

    /// Decodes a value from JSON.
    ///
    /// - Parameters:
    ///   - type: The type of the value.
    ///   - json: The document in UTF-8.
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput``, naming the member that is invalid,
    ///   for example `input[0].parts[1].content_encoding`.
    public static func decode<Value: Decodable>(
        _ type: Value.Type = Value.self,
        from json: some Sequence<UInt8>
    ) throws(ACPError) -> Value {
        if let type = type as? any JSONReadable.Type {
            let value: Any = try read(type, from: json)
            if let value = value as? Value { return value }
        }
        return try decodeThoroughly(type, from: json)
    }

    /// Decodes a value whose type is known to be read directly.
    package static func decode<Value: JSONReadable>(
        _ type: Value.Type = Value.self,
        from json: some Sequence<UInt8>
    ) throws(ACPError) -> Value {
        try read(type, from: json)
    }

    private static func read<Value: JSONReadable>(
        _ type: Value.Type, from json: some Sequence<UInt8>, keepsDigits: Bool = false
    ) throws(ACPError) -> Value {
        var message: String?
        func read(_ bytes: UnsafeRawBufferPointer) -> Value? {
            do throws(JSONFault) {
                return try JSONReader.read(type, from: bytes, keepsDigits: keepsDigits)
            } catch {
                message = describe(error, in: bytes)
                return nil
            }
        }
        if let value = json.withContiguousStorageIfAvailable({ read(UnsafeRawBufferPointer($0)) }) ?? nil {
            return value
        }
        if message == nil, let value = Array(json).withUnsafeBytes(read) { return value }
        throw ACPError(.invalidInput, message ?? "the JSON could not be read")
    }

    /// Decodes a value by means of `Decodable`, for types that cannot be read directly.
    static func decodeThoroughly<Value: Decodable>(
        _ type: Value.Type,
        from json: some Sequence<UInt8>
    ) throws(ACPError) -> Value {
        try decode(type, tree: try read(JSONValue.self, from: json, keepsDigits: true))
    }

    /// Decodes a value from a JSON value.
    static func decode<Value: Decodable>(_ type: Value.Type, tree: JSONValue) throws(ACPError) -> Value {
        do {
            return try ValueDecoder(tree, codingPath: []).decode(type)
        } catch let error as ACPError {
            throw error
        } catch let error as DecodingError {
            throw ACPError(.invalidInput, describe(error))
        } catch {
            throw ACPError(.invalidInput, "the JSON could not be read: its init(from:) threw an error of its own")
        }
    }

    /// Why a document cannot be read, for people.
    package static func describe(_ fault: JSONFault, in bytes: UnsafeRawBufferPointer) -> String {
        switch fault.reason {
        case .tooDeep: return "the JSON is nested deeper than \(maximumDepth) levels"
        case .notUTF8: return "the body is not valid JSON: UTF-8 is expected"
        case .syntax(let message):
            return "the body is not valid JSON: \(message) (\(JSONReader.place(of: fault.position, in: bytes)))"
        case .mismatch, .null, .missing, .invalid, .notFinite: return describe(fault.decodingError())
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            return "\(path(context.codingPath + [key])) is missing"
        case .typeMismatch(let type, let context):
            return "\(path(context.codingPath)) has the wrong type: \(name(of: type)) is expected"
        case .valueNotFound(let type, let context):
            return "\(path(context.codingPath)) is null: \(name(of: type)) is expected"
        case .dataCorrupted(let context):
            return "\(path(context.codingPath)): \(context.debugDescription)"
        @unknown default:
            return "the JSON could not be read: \(error)"
        }
    }

    /// Where a value is, as people write it: `input[0].parts`.
    package static func path(_ keys: [any CodingKey]) -> String {
        guard !keys.isEmpty else { return "the body" }
        return keys.reduce(into: "") { path, key in
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += path.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
    }

    private static func name(of type: any Any.Type) -> String {
        let name = String(describing: type)
        return switch name {
        case "String": "a string"
        case "Bool": "true or false"
        case "Double", "Float", "Decimal": "a number"
        case _ where type is any FixedWidthInteger.Type: "a number"
        case _ where name.hasPrefix("Array"): "an array"
        case _ where name.hasPrefix("Dictionary"): "an object"
        default: name
        }
    }
}

extension DecodingError {
    /// Returns an error for a value of the right type whose content is not allowed.
    static func invalid(_ message: String, at codingPath: [any CodingKey]) -> DecodingError {
        .dataCorrupted(.init(codingPath: codingPath, debugDescription: message))
    }
}
