// SPDX-License-Identifier: Apache-2.0

import Foundation

/// An identifier of an ACP object, kept as the string that is transmitted.
public protocol ACPIdentifier: RawRepresentable, Hashable, Sendable, Codable, Comparable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    /// A description of valid identifiers, for error messages.
    static var rule: String { get }

    /// Creates an identifier. Returns `nil` if the string is not a valid one.
    init?(rawValue: String)
}

extension ACPIdentifier {
    /// Creates an identifier from text that may be invalid.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput`` if the text is not a valid
    ///   identifier.
    public init(validating text: String) throws(ACPError) {
        guard let value = Self(rawValue: text) else {
            throw ACPError(.invalidInput, "\"\(text.prefix(140))\" is not a valid \(Self.rule)")
        }
        self = value
    }

    /// Creates an identifier from a literal in the source code. Use ``init(validating:)`` for any other text.
    ///
    /// - Precondition: The literal is a valid identifier.
    public init(stringLiteral text: String) {
        guard let value = Self(rawValue: text) else {
            preconditionFailure("\"\(text)\" is not a valid \(Self.rule)")
        }
        self = value
    }

    /// Returns whether the first identifier's text sorts before the second's.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The identifier's text.
    public var description: String { rawValue }
}

/// The id of a run.
///
/// New ids are random UUIDs in lower case. Other opaque strings, which servers in other languages may use, are accepted
/// as well: 1 to 128 letters, digits, and `.`, `_`, `~`, `-`.
public struct RunID: ACPIdentifier {
    /// The id as it is transmitted.
    public let rawValue: String
    /// A description of valid ids, for error messages.
    public static let rule = "run id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -)"

    /// Creates an id. Returns `nil` if the string is not a valid one. A UUID is converted to lower case.
    public init?(rawValue: String) {
        guard let text = canonicalIdentifier(rawValue) else { return nil }
        self.rawValue = text
    }

    /// Creates a new, random id.
    public init() { rawValue = newUUID() }

    /// Creates an id from the sixteen bytes of a UUID.
    package init(uuid bytes: [UInt8]) { rawValue = RandomUUID.text(bytes) }
}

/// The id of a session.
///
/// New ids are random UUIDs in lower case. Clients may choose other opaque strings: 1 to 128 letters, digits, and
/// `.`, `_`, `~`, `-`.
public struct SessionID: ACPIdentifier {
    /// The id as it is transmitted.
    public let rawValue: String
    /// A description of valid ids, for error messages.
    public static let rule = "session id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -)"

    /// Creates an id. Returns `nil` if the string is not a valid one. A UUID is converted to lower case.
    public init?(rawValue: String) {
        guard let text = canonicalIdentifier(rawValue) else { return nil }
        self.rawValue = text
    }

    /// Creates a new, random id.
    public init() { rawValue = newUUID() }
}

/// The name under which an agent is called.
///
/// The specification requires RFC 1123 labels (lower-case letters, digits and `-`). The names of agents on the
/// reference server also contain underscores and capitals, so 1 to 63 letters, digits, `-` and `_` are accepted.
public struct AgentName: ACPIdentifier {
    /// The name as it is transmitted.
    public let rawValue: String
    /// A description of valid names, for error messages.
    public static let rule = "agent name (1 to 63 characters of A-Z a-z 0-9 - _)"

    /// Creates a name. Returns `nil` if the string is not a valid one.
    public init?(rawValue: String) {
        let utf8 = rawValue.utf8
        guard (1...63).contains(utf8.count),
            utf8.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else { return nil }
        self.rawValue = rawValue
    }
}

/// The id of a principal: who calls a server, as the server's authentication has established it.
///
/// The name of a token, the subject of a JWT or the subject of a client's certificate, for example. Any text of 1 to 255
/// bytes in UTF-8 without control characters is valid. Two ids are equal if their bytes are: they are neither
/// normalized nor compared without regard to case, so that no principal can pass for another.
public struct PrincipalID: ACPIdentifier {
    /// The id as it is stored and transmitted.
    public let rawValue: String
    /// A description of valid ids, for error messages.
    public static let rule = "principal (1 to 255 bytes of printable characters)"

    /// Creates an id. Returns `nil` if the string is not a valid one.
    public init?(rawValue: String) {
        guard (1...255).contains(rawValue.utf8.count), !rawValue.unicodeScalars.contains(where: \.isControl) else {
            return nil
        }
        self.rawValue = rawValue
    }

    /// Returns whether two ids have the same bytes.
    public static func == (left: PrincipalID, right: PrincipalID) -> Bool {
        var (left, right) = (left.rawValue, right.rawValue)
        return left.withUTF8 { left in
            right.withUTF8 { right in
                guard left.count == right.count, let start = left.baseAddress, let other = right.baseAddress else {
                    return left.count == right.count
                }
                return memcmp(start, other, left.count) == 0
            }
        }
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        var text = rawValue
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }
}

private func newUUID() -> String { RandomUUID.text() }

/// Checks an opaque id. A UUID is converted to lower case, as in clients in other languages, so that both spellings
/// find the same run.
private func canonicalIdentifier(_ text: String) -> String? {
    let utf8 = text.utf8
    guard (1...128).contains(utf8.count), utf8.allSatisfy({ $0.isUnreserved }) else { return nil }
    // HTTP clients would interpret "." and ".." as path segments.
    guard text != ".", text != ".." else { return nil }
    guard utf8.count == 36, utf8.contains(where: { $0.isUppercase }), UUID(uuidString: text) != nil else { return text }
    return text.lowercased()
}

extension Unicode.Scalar {
    /// Whether this is a control character, or ends a line or a paragraph.
    fileprivate var isControl: Bool {
        switch value {
        case 0...0x1F, 0x7F...0x9F, 0x2028, 0x2029: true
        default: false
        }
    }
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
