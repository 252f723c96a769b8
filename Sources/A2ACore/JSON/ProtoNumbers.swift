// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// An integer of 32 bits, which may be a number, a number with a fraction of zero, or a text in JSON.
package struct ProtoInt32: JSONReadable {
    package let value: Int

    package init(json reader: inout JSONReader) throws(JSONFault) {
        let first = try reader.token()
        if first == UInt8(ascii: "\"") {
            let text = try reader.string()
            guard let value = Self.value(of: text) else { throw Self.refusal }
            self.value = Int(value)
            return
        }
        guard first == UInt8(ascii: "-") || first.isASCIIDigit else { throw reader.mismatch(.number) }
        // A number without a fraction is an integer for the reader, however it is written.
        guard case .integer(let number) = try reader.number(), let value = Int32(exactly: number) else {
            throw Self.refusal
        }
        self.value = Int(value)
    }

    /// Returns the number in a text. If `nil`, the text is no integer of 32 bits.
    static func value(of text: String) -> Int32? {
        guard text.utf8.first != UInt8(ascii: "+") else { return nil }
        return Int32(text) ?? whole(text)
    }

    /// A number in a text that is written with a fraction or an exponent, such as "5.0".
    private static func whole(_ text: String) -> Int32? {
        guard text.utf8.count <= 32, let first = text.utf8.first, first.isASCIIDigit || first == UInt8(ascii: "-"),
            text.utf8.allSatisfy({ $0.isASCIIDigit || "+-.eE".utf8.contains($0) }), let number = Double(text)
        else { return nil }
        return Int32(exactly: number)
    }

    private static var refusal: JSONFault {
        JSONFault(.invalid("an integer from \(Int32.min) to \(Int32.max) is expected"))
    }

    package init(from decoder: any Decoder) throws { value = Int(try Int32(from: decoder)) }
    package func encode(to encoder: any Encoder) throws { try Int32(value).encode(to: encoder) }
}

/// A value of an enumeration: its name, or its number.
package protocol ProtoEnum: JSONReadable, JSONWritable, CaseIterable, RawRepresentable, Sendable
where RawValue == String {
    /// What the values are, for errors.
    static var kind: String { get }
}

extension ProtoEnum {
    package init(json reader: inout JSONReader) throws(JSONFault) {
        let first = try reader.token()
        if first == UInt8(ascii: "\"") {
            let name = try reader.string()
            guard let value = Self(rawValue: name) else { throw Self.refusal(of: "\"\(name.prefix(60))\"") }
            self = value
            return
        }
        guard first == UInt8(ascii: "-") || first.isASCIIDigit else { throw reader.mismatch(.string) }
        // The values are declared in the order of their numbers, which are consecutive.
        guard let number = try reader.number().intValue, let value = Self(number: number) else {
            throw Self.refusal(of: "this number")
        }
        self = value
    }

    package func write(to writer: inout JSONWriter) { writer.string(rawValue) }

    /// The value of a number in Protocol Buffers.
    package init?(number: Int) {
        guard number >= 0, let value = Self.allCases.dropFirst(number).first else { return nil }
        self = value
    }

    static func refusal(of value: String) -> JSONFault {
        let names = allCases.dropFirst().map(\.rawValue).joined(separator: ", ")
        return JSONFault(.invalid("\(value) is no \(kind): one of \(names) is expected"))
    }

    /// Reads the name or the number from any decoder.
    ///
    /// - Throws: `DecodingError`, also if there is no value of that name or number.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let value: Self?
        if let number = try? container.decode(Int.self) {
            value = Self(number: number)
        } else {
            value = Self(rawValue: try container.decode(String.self))
        }
        guard let value else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "this is no \(Self.kind)")
        }
        self = value
    }

    /// Writes the name to any encoder.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

extension UInt8 {
    var isASCIIDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}
