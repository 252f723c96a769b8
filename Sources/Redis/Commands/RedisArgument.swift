// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// An argument of a command: text, a number or bytes.
///
/// Literals are converted implicitly; variables conform to ``RedisArgumentConvertible``.
public struct RedisArgument: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral
{
    enum Storage: Hashable, Sendable {
        case string(String)
        case integer(Int)
        case double(Double)
        case buffer(ByteBuffer)
        case bytes([UInt8])
    }

    let storage: Storage

    init(storage: Storage) {
        self.storage = storage
    }

    /// Creates an argument from text, which is sent as UTF-8.
    public init(_ text: String) {
        storage = .string(text)
    }

    /// Creates an argument from an integer, which is sent as decimal digits.
    public init(_ number: Int) {
        storage = .integer(number)
    }

    /// Creates an argument from a double, which is sent in the shortest form that reads back as the same number.
    public init(_ number: Double) {
        storage = .double(number)
    }

    /// Creates an argument from the readable bytes of a buffer.
    public init(_ bytes: ByteBuffer) {
        storage = .buffer(bytes)
    }

    /// Creates an argument from bytes.
    public init(_ bytes: [UInt8]) {
        storage = .bytes(bytes)
    }

    /// Creates an argument from a string literal.
    public init(stringLiteral text: String) {
        storage = .string(text)
    }

    /// Creates an argument from an integer literal.
    public init(integerLiteral number: Int) {
        storage = .integer(number)
    }

    /// Creates an argument from a floating-point literal.
    public init(floatLiteral number: Double) {
        storage = .double(number)
    }

    /// The bytes of the argument as they are sent, without the framing of the protocol.
    ///
    /// They are meant for adapters that pass commands to another Redis client library; `RedisClient` sends buffers
    /// without copying them.
    public var bytes: [UInt8] {
        switch storage {
        case .buffer(let bytes): Array(bytes.readableBytesView)
        case .bytes(let bytes): bytes
        case .string, .integer, .double: Array(text.utf8)
        }
    }

    /// The text of the argument as it is sent. Invalid UTF-8 is replaced.
    var text: String {
        switch storage {
        case .string(let text): text
        case .integer(let number): String(number)
        case .double(let number): number.respText
        case .buffer(let bytes): String(buffer: bytes)
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        }
    }
}

/// A type that can be converted to an argument of a command.
public protocol RedisArgumentConvertible: Sendable {
    /// The value as an argument.
    var redisArgument: RedisArgument { get }
}

extension RedisArgument: RedisArgumentConvertible {
    /// The argument.
    public var redisArgument: RedisArgument { self }
}

extension String: RedisArgumentConvertible {
    /// The text as UTF-8.
    public var redisArgument: RedisArgument { RedisArgument(self) }
}

extension Substring: RedisArgumentConvertible {
    /// The text as UTF-8.
    public var redisArgument: RedisArgument { RedisArgument(String(self)) }
}

extension Int: RedisArgumentConvertible {
    /// The number in decimal digits.
    public var redisArgument: RedisArgument { RedisArgument(self) }
}

extension Double: RedisArgumentConvertible {
    /// The number in the shortest form that reads back as the same number.
    public var redisArgument: RedisArgument { RedisArgument(self) }
}

extension ByteBuffer: RedisArgumentConvertible {
    /// The readable bytes.
    public var redisArgument: RedisArgument { RedisArgument(self) }
}

extension [UInt8]: RedisArgumentConvertible {
    /// The bytes.
    public var redisArgument: RedisArgument { RedisArgument(self) }
}
