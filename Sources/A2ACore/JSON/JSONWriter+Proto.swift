// SPDX-License-Identifier: Apache-2.0

import ACPCore

// Fields are left out if they have their default, as Protocol Buffers' JSON has it.

extension JSONWriter {
    // These are generic over the type of the value. The compiler specialises them since they are in this module.

    /// Writes a member.
    mutating func field(_ field: some JSONField, _ value: some JSONWritable) throws(JSONFault) {
        key(field.rawValue)
        do throws(JSONFault) {
            try value.write(to: &self)
        } catch {
            throw error.under(field.rawValue)
        }
    }

    /// Writes a member, or nothing if there is no value.
    mutating func field(_ field: some JSONField, _ value: (some JSONWritable)?) throws(JSONFault) {
        if let value { try self.field(field, value) }
    }

    /// Writes a list.
    mutating func field(_ field: some JSONField, _ elements: [some JSONWritable]) throws(JSONFault) {
        key(field.rawValue)
        do throws(JSONFault) {
            try beginArray()
            for index in elements.indices {
                beginElement()
                do throws(JSONFault) {
                    try elements[index].write(to: &self)
                } catch {
                    throw error.under(index)
                }
            }
            endArray()
        } catch {
            throw error.under(field.rawValue)
        }
    }

    /// Writes a text, unless it is empty.
    mutating func ifNotEmpty(_ field: some JSONField, _ value: String?) throws(JSONFault) {
        if let value, !value.isEmpty { try self.field(field, value) }
    }

    /// Writes an identifier, unless it is empty.
    mutating func ifNotEmpty(_ field: some JSONField, _ value: (some A2AIdentifier)?) throws(JSONFault) {
        if let value, !value.rawValue.isEmpty { try self.field(field, value.rawValue) }
    }

    /// Writes a list, unless it is empty.
    mutating func ifNotEmpty(_ field: some JSONField, _ values: [some JSONWritable & JSONReadable]) throws(JSONFault) {
        if !values.isEmpty { try self.field(field, values) }
    }

    /// Writes `true`, or nothing.
    mutating func ifTrue(_ field: some JSONField, _ value: Bool) throws(JSONFault) {
        if value { try self.field(field, true) }
    }

    /// Writes a number, unless it is zero.
    mutating func ifNotZero(_ field: some JSONField, _ value: Int?) throws(JSONFault) {
        if let value, value != 0 { try self.field(field, value) }
    }

    /// Writes a moment.
    mutating func moment(_ field: some JSONField, _ value: Timestamp?) throws(JSONFault) {
        guard let value else { return }
        key(field.rawValue)
        plainString(atMost: Timestamp.longest, value.writeMilliseconds)
    }
}

extension Timestamp {
    /// RFC 3339 in UTC with three digits for the fraction of a second, those behind them cut off: `2026-01-02T03:04:05.678Z`.
    package var millisecondDescription: String {
        String(unsafeUninitializedCapacity: Self.longest, initializingUTF8With: writeMilliseconds)
    }

    /// Writes ``millisecondDescription``.
    ///
    /// - Parameter buffer: Room for ``longest`` bytes.
    /// - Returns: How many bytes were written.
    fileprivate func writeMilliseconds(to buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000)
        let milliseconds = remainder < 0 ? quotient - 1 : quotient
        // A product that overflows is far out of the years that can be written.
        let (cut, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000)
        let count = Timestamp(microseconds: overflow ? microseconds : cut).write(to: buffer)
        // Up to the seconds, the text always has the same length. A fraction follows, which has six digits, or none.
        let fraction = 19
        if count == fraction + 1 { for (index, byte) in ".000".utf8.enumerated() { buffer[fraction + index] = byte } }
        buffer[fraction + 4] = UInt8(ascii: "Z")
        return fraction + 5
    }
}
