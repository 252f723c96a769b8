// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The names of the members of a JSON object that a type defines, in the order in which they are written.
///
/// The type's reader and its writer switch over the same cases, so that a member which only one of them handles does
/// not compile.
///
/// ```swift
/// enum Field: JSONName, JSONField {
///     case id = "run_id"
///     case status
/// }
/// ```
package protocol JSONField: RawRepresentable, CaseIterable, Sendable where RawValue == JSONName {}

extension JSONField {
    /// Creates the field with a name. Returns `nil` if the type does not define it.
    init?(named name: String) {
        var name = name
        guard let field = name.withUTF8({ Self(rawValue: JSONName(borrowing: UnsafeRawBufferPointer($0))) })
        else { return nil }
        self = field
    }

    /// Returns the member of that name, in camel case or in snake case. If `nil`, the type does not know it.
    package init?(inEitherCase name: String) {
        if let field = Self(named: name) {
            self = field
            return
        }
        var name = name
        guard let field = name.withUTF8({ Self(inSnakeCase: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = field
    }

    /// Returns the member whose name is that text in camel case. If `nil`, the text is not in snake case, or the type does not
    /// know it.
    init?(inSnakeCase text: UnsafeRawBufferPointer) {
        guard text.count <= 64, text.contains(UInt8(ascii: "_")), !text.contains(where: \.isUppercase) else {
            return nil
        }
        let field: Self? = withUnsafeTemporaryAllocation(byteCount: text.count, alignment: 1) { name in
            var count = 0
            var isWordStart = false
            for byte in text {
                if byte == UInt8(ascii: "_") {
                    guard !isWordStart else { return nil }
                    isWordStart = true
                } else {
                    let isLetter = byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
                    name[count] = isWordStart && isLetter ? byte - 0x20 : byte
                    count += 1
                    isWordStart = false
                }
            }
            guard !isWordStart else { return nil }
            return Self(rawValue: JSONName(borrowing: UnsafeRawBufferPointer(rebasing: name[..<count])))
        }
        guard let field else { return nil }
        self = field
    }

    /// The name of the member.
    package var name: String { rawValue.text }
}

/// The name of a member, as bytes that require no escaping in JSON.
///
/// It borrows the bytes: those of a literal, or those of a document while they are compared with literals.
package struct JSONName: Equatable, ExpressibleByStringLiteral {
    package let bytes: UnsafeRawBufferPointer

    package init(stringLiteral text: StaticString) {
        bytes = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// Creates a name that borrows bytes.
    ///
    /// - Important: The name must not outlive the bytes.
    init(borrowing bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package static func == (left: JSONName, right: JSONName) -> Bool {
        guard left.bytes.count == right.bytes.count else { return false }
        guard let start = left.bytes.baseAddress, let other = right.bytes.baseAddress else { return true }
        return memcmp(start, other, left.bytes.count) == 0
    }
}
