// SPDX-License-Identifier: Apache-2.0

/// An error in a byte stream that is not valid RESP. The stream cannot be resynchronized: its connection must be
/// closed.
public struct RESPDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A kind of violation.
    ///
    /// More kinds may be added; compare with the constants and handle all others alike.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind, as it appears in messages.
        public let description: String

        private init(_ description: String) {
            self.description = description
        }

        /// A message begins with a byte that is not a RESP type.
        public static let unknownType = Code("unknownType")
        /// A length or a number is malformed or does not fit into 64 bits.
        public static let malformedNumber = Code("malformedNumber")
        /// A line or string is not terminated by CR LF.
        public static let missingTerminator = Code("missingTerminator")
        /// A type occurs where it is not allowed: a push inside an aggregate, or the end of a stream that was not
        /// begun.
        public static let unexpectedType = Code("unexpectedType")
        /// The content of a value is not valid for its type.
        public static let malformedValue = Code("malformedValue")
        /// A limit of ``RESPLimits`` is exceeded.
        public static let limitExceeded = Code("limitExceeded")
    }

    /// The kind of violation.
    public var code: Code
    /// A description of the violation.
    public var message: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: The kind of violation.
    ///   - message: A description of the violation.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kind and the description of the violation.
    public var description: String { "RESP \(code): \(message)" }
}
