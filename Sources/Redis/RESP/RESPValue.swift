// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A reply of a Redis server: every type of RESP2 and RESP3 that can be one.
///
/// Attributes and pushes are not replies, so there is no case for them: the decoder hands them out as
/// ``RESPMessage`` of their own kind, and nothing can mistake one for the answer to a command.
///
/// The same information arrives in different types from RESP2 and RESP3 servers (a map is a flat array in RESP2, a
/// double is a bulk string). The accessors in `RESPValue+Accessors` read either form; prefer them to matching on cases
/// when the protocol version is not known.
public enum RESPValue: Hashable, Sendable {
    /// A short text without line breaks, `+OK`.
    case simpleString(String)
    /// An error reply on one line, `-ERR unknown command`.
    case simpleError(RESPError)
    /// A signed 64-bit number, `:42`.
    case integer(Int)
    /// Bytes of any content. The buffer is a slice of what was read from the socket: copy it before keeping a small
    /// one for long, since it holds on to the memory around it.
    case bulkString(ByteBuffer)
    /// A list of replies.
    case array([RESPValue])
    /// The absent value: RESP3's `_`, and the null bulk string and null array of RESP2.
    case null
    /// A floating point number, including infinities and NaN.
    case double(Double)
    /// True or false.
    case boolean(Bool)
    /// An integer outside of the 64-bit range, as its decimal digits with an optional sign.
    case bigNumber(String)
    /// An error reply that may contain line breaks.
    case bulkError(RESPError)
    /// A text with a three character format such as `txt` or `mkd`.
    case verbatimString(format: String, ByteBuffer)
    /// Keys and values in the order in which the server sent them.
    case map([RESPPair])
    /// Members in the order in which the server sent them.
    case set([RESPValue])
}

/// One entry of a RESP3 map.
public struct RESPPair: Hashable, Sendable {
    /// The key of the entry.
    public var key: RESPValue
    /// The value of the entry.
    public var value: RESPValue

    /// Makes an entry.
    public init(key: RESPValue, value: RESPValue) {
        self.key = key
        self.value = value
    }
}

/// What a server says in an error reply.
public struct RESPError: Hashable, Sendable, CustomStringConvertible {
    /// The whole text, for example `WRONGTYPE Operation against a key holding the wrong kind of value`.
    public var message: String

    /// Makes an error from the text of the reply.
    public init(_ message: String) {
        self.message = message
    }

    /// The first word of the text, by which Redis names the kind of error: `ERR`, `WRONGTYPE`, `MOVED` and so on.
    public var prefix: Substring {
        message.prefix { $0 != " " && $0 != "\n" && $0 != "\r" }
    }

    /// The text of the error.
    public var description: String { message }

    /// The error without what the server quotes of the command: the reply to an unknown command repeats its arguments,
    /// and those of a greeting are a password.
    var withoutArguments: RESPError {
        let mark = ", with args beginning with:"
        guard prefix == "ERR",
            let last = message.indices.first(where: { message[$0...].hasPrefix(mark) })
        else { return self }
        return RESPError(String(message[..<last]))
    }
}

/// One complete unit of a server's byte stream.
public enum RESPMessage: Hashable, Sendable {
    /// The answer to the oldest command without an answer.
    case reply(RESPValue)
    /// Out-of-band data that answers no command, such as a published message. Its first element is its kind.
    case push([RESPValue])
    /// Auxiliary data about the reply that follows. Attributes inside of aggregates are read and dropped.
    case attribute([RESPPair])
}
