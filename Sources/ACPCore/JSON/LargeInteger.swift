// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// An integer that does not fit into 64 bits, as decimal digits.
    ///
    /// ```swift
    /// let value = JSONValue.LargeInteger("123456789012345678901234567890")
    /// ```
    public struct LargeInteger: Sendable, Hashable, LosslessStringConvertible {
        /// The digits, with a minus sign if the integer is negative.
        public let description: String

        /// The maximum number of digits that an integer in JSON may have. Parsers in other languages have such a limit
        /// as well: Python's is the same.
        public static let maximumDigits = 4_300

        /// Creates a large integer from its digits.
        ///
        /// Returns `nil` if the text is not an integer in JSON, if it has more than ``maximumDigits`` digits, or if the
        /// integer fits into 64 bits: then it is a ``JSONValue/integer(_:)`` or a ``JSONValue/unsigned(_:)``.
        public init?(_ description: String) {
            let digits = description.hasPrefix("-") ? description.utf8.dropFirst() : description.utf8[...]
            guard let first = digits.first, first != UInt8(ascii: "0"), digits.allSatisfy(\.isDigit),
                digits.count <= Self.maximumDigits, Int64(description) == nil, UInt64(description) == nil
            else { return nil }
            self.description = description
        }

        /// Creates a number of any form from its text. Only ``ACPJSON`` creates these, for types with more digits than
        /// a `Double`.
        init(number text: String) { description = text }

        /// Whether this is an integer, not the text of another number.
        var isInteger: Bool { description.utf8.allSatisfy { $0.isDigit || $0 == UInt8(ascii: "-") } }
    }
}
