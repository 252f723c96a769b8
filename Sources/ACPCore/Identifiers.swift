// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A name that ACP objects are found by, kept as the string that travels on the wire.
public protocol ACPIdentifier: RawRepresentable, Hashable, Sendable, Codable, Comparable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    /// What a valid identifier looks like, for error messages.
    static var rule: String { get }

    /// The identifier, or nil if the string is not a valid one.
    init?(rawValue: String)
}

extension ACPIdentifier {
    /// The identifier of that text.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput`` if it is not a valid one.
    public init(validating text: String) throws(ACPError) {
        guard let value = Self(rawValue: text) else {
            throw ACPError(.invalidInput, "\"\(text.prefix(140))\" is not a valid \(Self.rule)")
        }
        self = value
    }

    /// An identifier that stands in the source code. A literal that is not valid stops the program: use
    /// ``init(validating:)`` for text that comes from elsewhere.
    public init(stringLiteral text: String) {
        guard let value = Self(rawValue: text) else {
            preconditionFailure("\"\(text)\" is not a valid \(Self.rule)")
        }
        self = value
    }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    public var description: String { rawValue }
}

/// Names one run.
///
/// New ones are random UUIDs in lower case. Servers in other languages may use other opaque strings, which are
/// accepted as well: 1 to 128 letters, digits, and `.`, `_`, `~`, `-`.
public struct RunID: ACPIdentifier {
    public let rawValue: String
    public static let rule = "run id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -)"

    public init?(rawValue: String) {
        guard let text = canonicalIdentifier(rawValue) else { return nil }
        self.rawValue = text
    }

    /// A new, random id.
    public init() { rawValue = newUUID() }

    /// Sixteen bytes as a UUID.
    package init(uuid bytes: [UInt8]) { rawValue = RandomUUID.text(bytes) }
}

/// Names one session.
///
/// New ones are random UUIDs in lower case. Clients may choose other opaque strings: 1 to 128 letters, digits, and
/// `.`, `_`, `~`, `-`.
public struct SessionID: ACPIdentifier {
    public let rawValue: String
    public static let rule = "session id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -)"

    public init?(rawValue: String) {
        guard let text = canonicalIdentifier(rawValue) else { return nil }
        self.rawValue = text
    }

    /// A new, random id.
    public init() { rawValue = newUUID() }
}

/// The name under which an agent is called.
///
/// The specification asks for RFC 1123 labels (lower case letters, digits and `-`). Agents of the reference server
/// carry underscores and capitals as well, so 1 to 63 letters, digits, `-` and `_` are accepted.
public struct AgentName: ACPIdentifier {
    public let rawValue: String
    public static let rule = "agent name (1 to 63 characters of A-Z a-z 0-9 - _)"

    public init?(rawValue: String) {
        let utf8 = rawValue.utf8
        guard (1...63).contains(utf8.count),
            utf8.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else { return nil }
        self.rawValue = rawValue
    }
}

private func newUUID() -> String { RandomUUID.text() }

/// Checks an opaque id. One that looks like a UUID is put in lower case, as clients in other languages do with theirs,
/// so that both spellings find the same run.
private func canonicalIdentifier(_ text: String) -> String? {
    let utf8 = text.utf8
    guard (1...128).contains(utf8.count), utf8.allSatisfy(\.isUnreserved) else { return nil }
    // "." and ".." would be taken for path segments by HTTP clients.
    guard text != ".", text != ".." else { return nil }
    guard utf8.count == 36, utf8.contains(where: \.isUppercase), UUID(uuidString: text) != nil else { return text }
    return text.lowercased()
}

extension UInt8 {
    var isUppercase: Bool { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") }
    var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
    var isAlphanumeric: Bool {
        isUppercase || isDigit || (self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z"))
    }
    /// The unreserved characters of RFC 3986: safe in a URL as they are.
    var isUnreserved: Bool {
        isAlphanumeric || self == UInt8(ascii: ".") || self == UInt8(ascii: "_") || self == UInt8(ascii: "~")
            || self == UInt8(ascii: "-")
    }
}
