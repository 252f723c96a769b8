// SPDX-License-Identifier: Apache-2.0

/// A member of an object that is being read. There is one for each field of a type, before the first member is read.
///
/// Of members with the same name the last counts. So a value that is wrong is an error only when the member is asked for.
package struct JSONMember<Value: JSONReadable> {
    private let name: JSONName
    /// Whether the object has it, perhaps as null.
    package private(set) var isPresent = false
    /// The value. If `nil`, it is missing, null or wrong.
    package private(set) var uncheckedValue: Value?
    private var fault: JSONFault?

    package init(_ field: some JSONField) { name = field.rawValue }

    /// Reads the value, which comes next.
    ///
    /// - Throws: ``JSONFault`` if what comes next is not JSON.
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

    /// Whether the object has no such member, or has null.
    package var isMissing: Bool { uncheckedValue == nil && fault == nil }

    /// Returns the value. If `nil`, it is missing or null.
    ///
    /// - Throws: ``JSONFault`` if the value is wrong.
    package func optional() throws(JSONFault) -> Value? {
        if let fault { throw fault.under(name) }
        return uncheckedValue
    }

    /// Returns the value, which must be there.
    ///
    /// - Throws: ``JSONFault`` if it is missing, null or wrong.
    package func required() throws(JSONFault) -> Value {
        if let uncheckedValue { return uncheckedValue }
        if let fault { throw fault.under(name) }
        guard isPresent else { throw JSONFault(.missing).under(name) }
        if let value = Value.valueOfNull { return value }
        throw Self.nullFault.under(name)
    }

    /// The fault of a null where a value is required: the one that the type itself finds.
    private static var nullFault: JSONFault {
        do throws(JSONFault) {
            _ = try JSONReader.read(Value.self, from: Array("null".utf8))
            return JSONFault(.missing)
        } catch {
            return error
        }
    }
}
