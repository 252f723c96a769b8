// SPDX-License-Identifier: Apache-2.0

import ACPCore

// What is read for each member of each object is generic over its type, and the compiler specialises generic code only in
// the module that contains it. So it is here, and not in ACPCore.

extension JSONReader {
    /// Returns the object's next member that the type defines, or `nil` at the end of the object. Other members are skipped.
    ///
    /// The caller must read or skip the member's value before the next call.
    mutating func nextField<Field: JSONField>(exactly type: Field.Type) throws(JSONFault) -> Field? {
        while try nextMember() {
            let text = try text()
            let field: Field? = text.isPlain ? Field(rawValue: name(text)) : Field(named: try string(of: text))
            try colon()
            if let field { return field }
            try skip()
        }
        return nil
    }

    /// The same, for objects whose members may be named in snake case as well, as Protocol Buffers' JSON allows it:
    /// `page_size` for `pageSize`.
    mutating func nextField<Field: JSONField>(inEitherCase type: Field.Type) throws(JSONFault) -> Field? {
        while try nextMember() {
            let text = try text()
            let field: Field? =
                text.isPlain
                ? Field(rawValue: name(text)) ?? Field(inSnakeCase: rebased(text.range))
                : Field(inEitherCase: try string(of: text))
            try colon()
            if let field { return field }
            try skip()
        }
        return nil
    }

    /// Reads an array.
    mutating func elements<List: RangeReplaceableCollection>() throws(JSONFault) -> List
    where List.Element: JSONReadable {
        var elements = List()
        try beginArray()
        while try nextElement() {
            do throws(JSONFault) {
                elements.append(try List.Element(json: &self))
            } catch {
                guard error.isOfShape else { throw error }
                while try nextElement() { try skip() }
                throw error.under(elements.count)
            }
        }
        return elements
    }
}

extension JSONField {
    /// Returns the member of that name, in camel case or in snake case. If `nil`, the type does not know it.
    fileprivate init?(inEitherCase name: String) {
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
    fileprivate init?(inSnakeCase text: UnsafeRawBufferPointer) {
        guard text.count <= 64, text.contains(UInt8(ascii: "_")),
            !text.contains(where: { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") })
        else {
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
}
