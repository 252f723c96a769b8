// SPDX-License-Identifier: Apache-2.0

// Strings, numbers, Boolean values and arrays.

extension String: JSONReadable, JSONWritable {
    package init(json reader: inout JSONReader) throws(JSONFault) { self = try reader.string() }
    package func write(to writer: inout JSONWriter) { writer.string(self) }
}

extension Bool: JSONReadable, JSONWritable {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        switch try reader.token() {
        case UInt8(ascii: "t"):
            try reader.take(literal: "true")
            self = true
        case UInt8(ascii: "f"):
            try reader.take(literal: "false")
            self = false
        default: throw reader.mismatch(.bool)
        }
    }

    package func write(to writer: inout JSONWriter) { writer.bool(self) }
}

extension Int: JSONReadable, JSONWritable {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        let number = try reader.numberValue()
        if case .integer(let value) = number {
            self = Int(value)
        } else {
            self = try number.integer()
        }
    }

    package func write(to writer: inout JSONWriter) { writer.integer(self) }
}

extension Double: JSONReadable, JSONWritable {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        guard let value = try reader.numberValue().doubleValue else {
            throw JSONFault(.invalid("the number is out of range"))
        }
        self = value
    }

    package func write(to writer: inout JSONWriter) throws(JSONFault) { try writer.number(self) }
}

extension Array: JSONReadable where Element: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        self = []
        try reader.beginArray()
        while try reader.nextElement() {
            do throws(JSONFault) {
                append(try Element(json: &reader))
            } catch {
                guard error.isOfShape else { throw error }
                while try reader.nextElement() { try reader.skip() }
                throw error.under(count)
            }
        }
    }
}

extension Array: JSONWritable where Element: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONFault) { try writer.array(self) }
}

extension JSONReader {
    /// Reads the next value as a number. Any other value is a fault of shape.
    fileprivate mutating func numberValue() throws(JSONFault) -> JSONValue {
        let first = try token()
        guard first == UInt8(ascii: "-") || first.isDigit else { throw mismatch(.number) }
        return try number()
    }
}

extension JSONValue {
    /// Returns the number as an integer type.
    ///
    /// - Throws: ``JSONFault`` if the value is not a number, has a fraction or does not fit.
    func integer<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws(JSONFault) -> Value {
        let number: Value?
        let isWhole: Bool
        switch self {
        case .integer(let value): (number, isWhole) = (Value(exactly: value), true)
        case .unsigned(let value): (number, isWhole) = (Value(exactly: value), true)
        case .largeInteger(let value): (number, isWhole) = (Value(value.description), value.isInteger)
        // The reader represents every integer that fits into 64 bits as one of the cases above, whatever its notation.
        case .number(let value): (number, isWhole) = (nil, abs(value) >= 0x1p63)
        case .null: throw JSONFault(.null(.number))
        default: throw JSONFault(.mismatch(.number))
        }
        if let number { return number }
        throw JSONFault(
            .invalid(
                isWhole
                    ? "the number does not fit \(Value.bitWidth) bits: "
                        + "one from \(Value.min) to \(Value.max) is expected"
                    : "a number without a fraction is expected"))
    }
}
