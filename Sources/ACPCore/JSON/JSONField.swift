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
    package init?(named name: String) {
        var name = name
        guard let field = name.withUTF8({ Self(rawValue: JSONName(borrowing: UnsafeRawBufferPointer($0))) })
        else { return nil }
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
    package init(borrowing bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package static func == (left: JSONName, right: JSONName) -> Bool {
        guard left.bytes.count == right.bytes.count else { return false }
        guard let start = left.bytes.baseAddress, let other = right.bytes.baseAddress else { return true }
        return memcmp(start, other, left.bytes.count) == 0
    }
}
