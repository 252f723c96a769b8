// SPDX-License-Identifier: Apache-2.0

import ACPCore

// Fields are left out if they have their default, as Protocol Buffers' JSON has it.

extension JSONWriter {
    /// Writes a text, unless it is empty.
    mutating func ifNotEmpty(_ field: some JSONField, _ value: String?) throws(JSONFault) {
        if let value, !value.isEmpty { try member(field, value) }
    }

    /// Writes an identifier, unless it is empty.
    mutating func ifNotEmpty(_ field: some JSONField, _ value: (some A2AIdentifier)?) throws(JSONFault) {
        if let value, !value.rawValue.isEmpty { try member(field, value.rawValue) }
    }

    /// Writes a list, unless it is empty.
    mutating func ifNotEmpty(_ field: some JSONField, _ values: [some JSONWritable & JSONReadable]) throws(JSONFault) {
        if !values.isEmpty { try member(field, values) }
    }

    /// Writes `true`, or nothing.
    mutating func ifTrue(_ field: some JSONField, _ value: Bool) throws(JSONFault) {
        if value { try member(field, true) }
    }

    /// Writes a number, unless it is zero.
    mutating func ifNotZero(_ field: some JSONField, _ value: Int?) throws(JSONFault) {
        if let value, value != 0 { try member(field, value) }
    }

    /// Writes a moment.
    mutating func moment(_ field: some JSONField, _ value: Timestamp?) throws(JSONFault) {
        if let value { try member(field, value.millisecondDescription) }
    }
}

extension Timestamp {
    /// RFC 3339 in UTC with three digits for the fraction of a second, those behind them cut off: `2026-01-02T03:04:05.678Z`.
    package var millisecondDescription: String {
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000)
        let milliseconds = remainder < 0 ? quotient - 1 : quotient
        // A product that overflows is far out of the years that can be written.
        let (cut, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000)
        var text = Timestamp(microseconds: overflow ? microseconds : cut).description
        text.removeLast()
        if let point = text.utf8.firstIndex(of: UInt8(ascii: ".")) {
            return text[..<point] + text[point...].prefix(4) + "Z"
        }
        return text + ".000Z"
    }
}
