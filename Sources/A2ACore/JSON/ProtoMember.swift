// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A member of an object that is being read. The reader of a type creates one for each field before it reads the first
/// member.
///
/// Of several members with the same name, the last one is used. So an invalid value is an error only when the member is
/// requested.
struct ProtoMember<Value: JSONReadable> {
    private let name: JSONName
    /// Whether the object has the member, perhaps as null.
    fileprivate(set) var isPresent = false
    /// The value. If `nil`, it is missing, null or invalid.
    fileprivate(set) var uncheckedValue: Value?
    fileprivate var fault: JSONFault?

    init(_ field: some JSONField) { name = field.rawValue }

    /// Whether the member is missing or null.
    var isMissing: Bool { uncheckedValue == nil && fault == nil }

    /// Returns the value, or `nil` if it is missing or null.
    ///
    /// - Throws: ``JSONFault`` if the value is invalid.
    func optional() throws(JSONFault) -> Value? {
        if let fault { throw fault.under(name) }
        return uncheckedValue
    }

    /// Reads the next value as the value of this member.
    ///
    /// - Throws: ``JSONFault`` if the document is not JSON.
    mutating func read(from reader: inout JSONReader) throws(JSONFault) {
        isPresent = true
        do throws(JSONFault) {
            uncheckedValue = try reader.skipNull() ? nil : try Value(json: &reader)
            fault = nil
        } catch {
            try fail(error)
        }
    }

    fileprivate mutating func fail(_ error: JSONFault) throws(JSONFault) {
        guard error.isOfShape else { throw error }
        uncheckedValue = nil
        fault = error
    }
}

extension ProtoMember where Value: RangeReplaceableCollection, Value.Element: JSONReadable {
    /// Reads the next value as the list of this member. Its elements are read by code that is specialised for their type.
    ///
    /// - Throws: ``JSONFault`` if the document is not JSON.
    mutating func read(from reader: inout JSONReader) throws(JSONFault) {
        isPresent = true
        do throws(JSONFault) {
            uncheckedValue = try reader.skipNull() ? nil : try reader.elements()
            fault = nil
        } catch {
            try fail(error)
        }
    }
}
