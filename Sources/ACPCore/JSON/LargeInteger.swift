// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// An integer that does not fit 64 bits, as its decimal digits.
    ///
    /// ```swift
    /// let value = JSONValue.LargeInteger("123456789012345678901234567890")
    /// ```
    public struct LargeInteger: Sendable, Hashable, LosslessStringConvertible {
        /// The digits, with a minus sign if the integer is negative.
        public let description: String

        /// How many digits a number in JSON may have. Readers in other languages have such a limit as well: Python's is the same.
        public static let maximumDigits = 4_300

        /// Creates a large integer of its digits.
        ///
        /// Returns `nil` if the text is no integer as JSON writes it, if it has more than ``maximumDigits`` digits, or if the
        /// integer fits 64 bits: then it is a ``JSONValue/integer(_:)`` or a ``JSONValue/unsigned(_:)``.
        public init?(_ description: String) {
            let digits = description.hasPrefix("-") ? description.utf8.dropFirst() : description.utf8[...]
            guard let first = digits.first, first != UInt8(ascii: "0"), digits.allSatisfy(\.isDigit),
                digits.count <= Self.maximumDigits, Int64(description) == nil, UInt64(description) == nil
            else { return nil }
            self.description = description
        }

        /// Any number as it is written. Only ``ACPJSON`` makes such ones, for types that hold more digits than a `Double`.
        init(number text: String) { description = text }

        /// Whether this is an integer, and not another number as it is written.
        var isInteger: Bool { description.utf8.allSatisfy { $0.isDigit || $0 == UInt8(ascii: "-") } }
    }
}
