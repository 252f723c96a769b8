// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// An aggregate whose elements are still arriving.
struct RESPFrame: Sendable {
    enum Kind: Sendable {
        case array, map, set, push, attribute

        var isPaired: Bool { self == .map || self == .attribute }
    }

    let kind: Kind
    /// The number of missing values, or `nil` while a streamed aggregate has not ended.
    private var remaining: Int?
    private(set) var elements: [RESPValue] = []
    private(set) var pairs: [RESPPair] = []
    private var key: RESPValue?

    init(_ kind: Kind, remaining: Int?) {
        self.kind = kind
        self.remaining = remaining
        // Avoids growing the array several times. The reservation is small, because the announced count is not trusted.
        if let remaining, !kind.isPaired { elements.reserveCapacity(min(remaining, 64)) }
    }

    var isStreamed: Bool { remaining == nil }
    var isComplete: Bool { remaining == 0 }
    var isHalfPair: Bool { key != nil }

    /// Adds a value. Returns `false` if a streamed aggregate would exceed the limit.
    mutating func add(_ value: RESPValue, limit: Int) -> Bool {
        if let remaining {
            self.remaining = remaining - 1
        } else if elements.count + pairs.count >= limit {
            return false
        }
        if !kind.isPaired {
            elements.append(value)
        } else if let key = self.key.take() {
            pairs.append(RESPPair(key: key, value: value))
        } else {
            self.key = value
        }
        return true
    }
}

/// The type of a string with a length.
enum RESPBulkKind: Sendable {
    case bulk, error, verbatim

    func value(_ content: ByteBuffer) throws(RESPDecodingError) -> RESPValue {
        switch self {
        case .bulk:
            return .bulkString(content)
        case .error:
            return .bulkError(RESPError(String(buffer: content)))
        case .verbatim:
            var content = content
            guard let header = content.readString(length: 4), header.utf8.count == 4, header.hasSuffix(":") else {
                throw .init(.malformedValue, "a verbatim string without its three-character format")
            }
            return .verbatimString(format: String(header.dropLast()), content)
        }
    }
}
