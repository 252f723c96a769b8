// SPDX-License-Identifier: Apache-2.0

public import RedisClient

/// One command as the storage wants it sent: words, and what a client needs to know to handle them well.
public struct RedisRequest: Sendable {
    /// One word of a command.
    public enum Word: Sendable, Hashable {
        /// Sent as UTF-8.
        case text(String)
        /// Sent as decimal digits.
        case number(Int)
        /// Sent as they are.
        case bytes([UInt8])
    }

    /// The command with its arguments, for example `LLEN`, `acp:events:8f14`. That of a script begins with `EVALSHA`, the
    /// digest of the script and the number of its keys.
    public var words: [Word]
    /// The script that the command runs. A server that does not know it answers `NOSCRIPT`: send ``withSource`` then.
    public var script: RedisScript?
    /// Repeating the command changes neither the data nor, in a way that matters, its answer.
    public var isIdempotent: Bool

    /// Makes a request.
    public init(words: [Word], script: RedisScript? = nil, isIdempotent: Bool = false) {
        self.words = words
        self.script = script
        self.isIdempotent = isIdempotent
    }

    /// The same request with the source of its script in the place of the digest (`EVAL`), which also teaches the server the
    /// script. Requests without a script stay as they are.
    public var withSource: RedisRequest {
        guard let script, words.count > 1 else { return self }
        var request = self
        request.words.replaceSubrange(0...1, with: [.text("EVAL"), .text(script.source)])
        return request
    }
}

extension RedisRequest {
    /// A command that changes nothing.
    static func read(_ words: Word...) -> RedisRequest { RedisRequest(words: words, isIdempotent: true) }

    /// A script with its keys and arguments.
    static func script(
        _ script: RedisScript, keys: [String], _ arguments: [Word], isIdempotent: Bool
    ) -> RedisRequest {
        var words: [Word] = [.text("EVALSHA"), .text(script.sha1), .number(keys.count)]
        words.reserveCapacity(words.count + keys.count + arguments.count)
        for key in keys { words.append(.text(key)) }
        words += arguments
        return RedisRequest(words: words, script: script, isIdempotent: isIdempotent)
    }
}

extension RedisRequest.Word: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    /// A word of text.
    public init(stringLiteral text: String) { self = .text(text) }
    /// A number.
    public init(integerLiteral number: Int) { self = .number(number) }
}
