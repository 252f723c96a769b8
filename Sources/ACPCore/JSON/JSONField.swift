// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The names of the members of a JSON object that a type knows, in the order in which they are written.
///
/// The type's reader and its writer switch over the same cases, so neither compiles if a member is handled on one side only.
///
/// ```swift
/// enum Field: JSONName, JSONField {
///     case id = "run_id"
///     case status
/// }
/// ```
package protocol JSONField: RawRepresentable, CaseIterable, Sendable where RawValue == JSONName {}

extension JSONField {
    /// Returns the member of that name. If `nil`, the type does not know it.
    init?(named name: String) {
        var name = name
        guard let field = name.withUTF8({ Self(rawValue: JSONName(borrowing: UnsafeRawBufferPointer($0))) })
        else { return nil }
        self = field
    }

    /// The name of the member.
    var name: String { rawValue.text }
}

/// The name of a member, as bytes that need no escaping in JSON.
///
/// It borrows the bytes: those of a literal, or those of a document for as long as they are compared with literals.
package struct JSONName: Equatable, ExpressibleByStringLiteral {
    let bytes: UnsafeRawBufferPointer

    package init(stringLiteral text: StaticString) {
        bytes = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// - Important: The name may not outlive the bytes.
    init(borrowing bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var text: String { String(decoding: bytes, as: UTF8.self) }

    package static func == (left: JSONName, right: JSONName) -> Bool {
        guard left.bytes.count == right.bytes.count else { return false }
        guard let start = left.bytes.baseAddress, let other = right.bytes.baseAddress else { return true }
        return memcmp(start, other, left.bytes.count) == 0
    }
}
