// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// An object of the protocol: a value that is written to and read from JSON, and that has required fields.
public protocol A2AObject: Codable, Sendable, Hashable {
    /// The required fields that have no value, and the numbers that are out of their range, in this object and in those within
    /// it. Empty if all is in order.
    ///
    /// At most ``A2AError/maximumViolations`` are listed.
    var violations: [A2AError.FieldViolation] { get }
}

extension A2AObject {
    /// Checks that all required fields have values, and that numbers are in their range.
    ///
    /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/invalidParams`` and one field violation for each field that
    ///   is wrong, for example `message.role`.
    public func validate() throws(A2AError) {
        let violations = violations
        guard let first = violations.first else { return }
        let others = violations.count > 1 ? " (and \(violations.count - 1) more fields)" : ""
        throw A2AError(.invalidParams, "\(first.field): \(first.description)\(others)", violations: violations)
    }
}

/// An object that is written as Protocol Buffers' JSON.
package protocol ProtoObject: A2AObject, JSONCodable {
    /// Reports the fields that break a rule.
    func check(_ check: inout FieldCheck)
}

extension ProtoObject {
    /// The fields that break a rule.
    public var violations: [A2AError.FieldViolation] {
        var fields = FieldCheck()
        check(&fields)
        return fields.violations
    }
}

/// An object whose members are the fields of a type.
package protocol ProtoMessage: ProtoObject, JSONDocument {}

extension ProtoMessage {
    // As ACPCore has it, but specialised by the compiler since it is in this module.
    package func write(to writer: inout JSONWriter) throws(JSONFault) {
        try writer.beginObject()
        for field in Field.allCases { try write(field, to: &writer) }
        writer.endObject()
    }
}

extension String {
    /// The text. If `nil`, it is empty, which Protocol Buffers do not tell from a text that is missing.
    var ifNotEmpty: String? { isEmpty ? nil : self }
}

extension A2AIdentifier {
    /// The identifier. If `nil`, it is empty, which Protocol Buffers do not tell from one that is missing.
    var ifNotEmpty: Self? { rawValue.isEmpty ? nil : self }
}
