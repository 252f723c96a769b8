// SPDX-License-Identifier: Apache-2.0

/// Why a byte stream is not RESP. The stream cannot be resynchronised after one: its connection has to be closed.
public struct RESPDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of violations.
    public enum Code: Hashable, Sendable {
        /// A message starts with a byte that names no type.
        case unknownType
        /// A length or a number is malformed or does not fit into 64 bits.
        case malformedNumber
        /// A line or string is not terminated by CR LF where it must be.
        case missingTerminator
        /// A type stands where it is not allowed: a push inside of an aggregate, a stray end of a stream.
        case unexpectedType
        /// A value of a known type has no valid content.
        case malformedValue
        /// A limit of ``RESPLimits`` is exceeded.
        case limitExceeded
    }

    /// The kind of violation.
    public var code: Code
    /// What was read, and what was expected.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kind and the message.
    public var description: String { "RESP \(code): \(message)" }
}
