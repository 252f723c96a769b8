// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A reply of a Redis server, of any type of RESP2 or RESP3.
///
/// Attributes and pushes are not replies: the decoder returns them as separate cases of ``RESPMessage``.
///
/// RESP2 and RESP3 servers send the same information in different types: a map is a flat array in RESP2, a double is a
/// bulk string. Accessors such as ``int``, ``double`` and ``pairs`` accept both forms; prefer them to pattern matching.
///
/// ```swift
/// let reply = try await client.send("CONFIG", "GET", "maxmemory")
/// let limit = reply["maxmemory"]?.int
/// ```
public enum RESPValue: Hashable, Sendable {
    /// A short text without line breaks, `+OK`.
    case simpleString(String)
    /// An error reply on one line, `-ERR unknown command`.
    case simpleError(RESPError)
    /// A signed 64-bit integer, `:42`.
    case integer(Int)
    /// Binary data. The buffer is a slice of the data read from the socket: copy a small value before storing it,
    /// because the slice retains the memory around it.
    case bulkString(ByteBuffer)
    /// An array of replies.
    case array([RESPValue])
    /// Null: `_` in RESP3, the null bulk string and the null array in RESP2.
    case null
    /// A floating point number, including infinities and NaN.
    case double(Double)
    /// A boolean.
    case boolean(Bool)
    /// An integer outside the 64-bit range, as decimal digits with an optional sign.
    case bigNumber(String)
    /// An error reply that may contain line breaks.
    case bulkError(RESPError)
    /// A text with a three-character format, such as `txt` or `mkd`.
    case verbatimString(format: String, ByteBuffer)
    /// The entries of a map, in the order of the reply.
    case map([RESPPair])
    /// The members of a set, in the order of the reply.
    case set([RESPValue])
}

/// An entry of a map.
public struct RESPPair: Hashable, Sendable {
    /// The key of the entry.
    public var key: RESPValue
    /// The value of the entry.
    public var value: RESPValue

    /// Creates an entry.
    public init(key: RESPValue, value: RESPValue) {
        self.key = key
        self.value = value
    }
}

/// An error reply of a server.
public struct RESPError: Hashable, Sendable, CustomStringConvertible {
    /// The complete text, for example `WRONGTYPE Operation against a key holding the wrong kind of value`.
    public var message: String

    /// Creates an error from the text of a reply.
    public init(_ message: String) {
        self.message = message
    }

    /// The first word of the text, which identifies the kind of error: `ERR`, `WRONGTYPE`, `MOVED` and so on.
    public var prefix: Substring {
        message.prefix { $0 != " " && $0 != "\n" && $0 != "\r" }
    }

    /// The text of the error.
    public var description: String { message }

    /// The error without the arguments that the server quotes: the reply to an unknown command repeats them, and those
    /// of `HELLO` and `AUTH` contain a password.
    var withoutArguments: RESPError {
        let mark = ", with args beginning with:"
        guard prefix == "ERR",
            let last = message.indices.first(where: { message[$0...].hasPrefix(mark) })
        else { return self }
        return RESPError(String(message[..<last]))
    }
}

/// A complete message in the byte stream of a server.
public enum RESPMessage: Hashable, Sendable {
    /// The reply to the oldest command that has no reply yet.
    case reply(RESPValue)
    /// Out-of-band data, such as a published message. The first element is its kind.
    case push([RESPValue])
    /// Additional data about the reply that follows. Attributes inside aggregates are dropped.
    case attribute([RESPPair])
}
