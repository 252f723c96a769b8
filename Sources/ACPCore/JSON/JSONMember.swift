// SPDX-License-Identifier: Apache-2.0

/// A member of an object that is being read. The reader of a type creates one for each field before it reads the first
/// member.
///
/// Of several members with the same name, the last one is used. So an invalid value is an error only when the member is
/// requested.
package struct JSONMember<Value: JSONReadable> {
    private let name: JSONName
    /// Whether the object has the member, perhaps as null.
    package private(set) var isPresent = false
    /// The value. If `nil`, it is missing, null or invalid.
    package private(set) var uncheckedValue: Value?
    private var fault: JSONFault?

    package init(_ field: some JSONField) { name = field.rawValue }

    /// Reads the next value as the value of this member.
    ///
    /// - Throws: ``JSONFault`` if the document is not JSON.
    package mutating func read(from reader: inout JSONReader) throws(JSONFault) {
        isPresent = true
        do throws(JSONFault) {
            uncheckedValue = try reader.skipNull() ? nil : try Value(json: &reader)
            fault = nil
        } catch {
            guard error.isOfShape else { throw error }
            uncheckedValue = nil
            fault = error
        }
    }

    /// Whether the member is missing or null.
    package var isMissing: Bool { uncheckedValue == nil && fault == nil }

    /// Returns the value, or `nil` if it is missing or null.
    ///
    /// - Throws: ``JSONFault`` if the value is invalid.
    package func optional() throws(JSONFault) -> Value? {
        if let fault { throw fault.under(name) }
        return uncheckedValue
    }

    /// Returns the value of a member that is required.
    ///
    /// - Throws: ``JSONFault`` if the value is missing, null or invalid.
    package func required() throws(JSONFault) -> Value {
        if let uncheckedValue { return uncheckedValue }
        if let fault { throw fault.under(name) }
        guard isPresent else { throw JSONFault(.missing).under(name) }
        if let value = Value.valueOfNull { return value }
        throw Self.nullFault.under(name)
    }

    /// The fault of a null where a value is required, as the type itself reports it.
    private static var nullFault: JSONFault {
        do throws(JSONFault) {
            _ = try JSONReader.read(Value.self, from: Array("null".utf8))
            return JSONFault(.missing)
        } catch {
            return error
        }
    }
}
