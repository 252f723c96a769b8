// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Statements that are sent in one round trip.
struct Batch: Sendable {
    /// The statements of one transaction, whose outcome is that of the batch.
    let transaction: [Statement]
    /// A statement in a transaction of its own, after the first one and regardless of its outcome.
    var followUp: Statement?
    /// Whether the batch fails when it takes longer than the statement timeout. A batch without a limit has to lift that
    /// of the server itself.
    var hasTimeLimit = true
}

/// A statement with the values of its parameters, all in PostgreSQL's binary format.
struct Statement: Sendable {
    let sql: String
    let parameters: [Parameter]

    init(_ sql: String, _ parameters: [Parameter] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}

/// The value of a parameter: bytes in the binary format of its type, or NULL.
struct Parameter: Sendable {
    let bytes: [UInt8]?

    static let null = Parameter(bytes: nil)

    static func int(_ value: Int) -> Parameter { Parameter(bytes: Int64(value).bigEndianBytes) }
    static func int(_ value: Int?) -> Parameter { value.map { .int($0) } ?? .null }
    static func bool(_ value: Bool) -> Parameter { Parameter(bytes: [value ? 1 : 0]) }
    static func bytes(_ value: [UInt8]?) -> Parameter { Parameter(bytes: value) }

    /// Text without NUL characters, such as a validated id.
    static func text(_ value: String?) -> Parameter { Parameter(bytes: value.map { Array($0.utf8) }) }

    /// Text from callers. PostgreSQL does not support NUL in text: `\0` represents it, and `\\` a backslash.
    static func anyText(_ value: String?) -> Parameter { Parameter(bytes: value?.escapedUTF8) }

    /// A `timestamptz`.
    static func time(_ value: Timestamp) -> Parameter {
        // The range of PostgreSQL, counted from the year 2000: from 4714 BC to the year 294276.
        let (lowest, highest) = (-211_813_488_000_000_000, 9_223_371_331_199_999_999)
        let shifted = value.microseconds.subtractingReportingOverflow(Timestamp.postgresEpoch)
        return .int(shifted.overflow ? lowest : min(max(Int(shifted.partialValue), lowest), highest))
    }

    static func byteArrays(_ values: [[UInt8]]) -> Parameter { .array(values, type: 17) }
    static func textArray(_ values: [String]) -> Parameter { .array(values.map(\.escapedUTF8), type: 25) }
    static func intArray(_ values: [Int]) -> Parameter { .array(values.map { Int64($0).bigEndianBytes }, type: 20) }

    private static func array(_ elements: [[UInt8]], type: Int32) -> Parameter {
        guard !elements.isEmpty else {
            return Parameter(bytes: Int32(0).bigEndianBytes + Int32(0).bigEndianBytes + type.bigEndianBytes)
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + elements.reduce(0) { $0 + $1.count + 4 })
        // The number of dimensions, whether there are NULLs, the type of the elements, their number, and the index of
        // the first.
        for field in [1, 0, type, Int32(clamping: elements.count), 1] { bytes += field.bigEndianBytes }
        for element in elements {
            bytes += Int32(clamping: element.count).bigEndianBytes
            bytes += element
        }
        return Parameter(bytes: bytes)
    }
}

extension Timestamp {
    /// 2000-01-01, the epoch of PostgreSQL.
    static var postgresEpoch: Int64 { 946_684_800_000_000 }
}

extension FixedWidthInteger {
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }

    init(bigEndianBytes bytes: some Sequence<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
    }
}

extension String {
    var escapedUTF8: [UInt8] {
        let bytes = Array(utf8)
        guard bytes.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\\") }) else { return bytes }
        return bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case 0: Array("\\0".utf8)
            case UInt8(ascii: "\\"): Array("\\\\".utf8)
            default: [byte]
            }
        }
    }

    /// Returns the text that ``escapedUTF8`` has escaped.
    init(unescaping stored: [UInt8]) {
        guard stored.contains(UInt8(ascii: "\\")) else {
            self.init(decoding: stored, as: UTF8.self)
            return
        }
        var bytes: [UInt8] = []
        var rest = stored[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let next = rest.popFirst() {
                bytes.append(next == UInt8(ascii: "0") ? 0 : next)
            } else {
                bytes.append(byte)
            }
        }
        self.init(decoding: bytes, as: UTF8.self)
    }
}
