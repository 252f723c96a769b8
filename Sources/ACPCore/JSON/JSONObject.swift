// SPDX-License-Identifier: Apache-2.0

/// A JSON object: members with a name and a value, in the order of the document.
///
/// Use it like a dictionary. New members are appended; a member that is set to another value keeps its position.
///
/// ```swift
/// var metadata: JSONObject = ["source": "crawler", "pages": 12]
/// metadata["language"] = "en"
/// metadata.map(\.key)  // ["source", "pages", "language"]
/// ```
///
/// Two objects are equal if they have the same members in any order. Names are compared by their bytes in UTF-8, as
/// JSON parsers in other languages do, so `"é"` as one character and as a letter with a combining accent are different
/// names.
public struct JSONObject: Sendable {
    /// A member: a name and a value.
    public typealias Element = (key: String, value: JSONValue)

    private var content = OrderedMembers<JSONValue>()

    /// Creates an object without members.
    public init() {}

    /// Creates an object from members with different names, in their order.
    ///
    /// - Precondition: No two members have the same name.
    public init(uniqueKeysWithValues members: some Sequence<(String, JSONValue)>) {
        self.init(members) { _, _ in preconditionFailure("two members of a JSON object have the same name") }
    }

    /// Creates an object from members, in their order.
    ///
    /// - Parameters:
    ///   - members: Names and values.
    ///   - combine: Returns the value of a name that occurs repeatedly, from its value so far and the new one.
    public init(
        _ members: some Sequence<(String, JSONValue)>,
        uniquingKeysWith combine: (JSONValue, JSONValue) throws -> JSONValue
    ) rethrows {
        for (name, value) in members {
            self[name] = if let known = self[name] { try combine(known, value) } else { value }
        }
    }

    /// Creates an object from the members of a dictionary, in the order of their names.
    public init(_ dictionary: [String: JSONValue]) {
        for (name, value) in dictionary.sorted(by: { $0.key < $1.key }) { self[name] = value }
    }

    /// The value of a member. If `nil`, there is no such member; setting `nil` removes it.
    public subscript(name: String) -> JSONValue? {
        get { content.position(of: name).map { content.members[$0].value } }
        set {
            if let newValue { content.set(name, newValue) } else { content.remove(name) }
        }
    }

    /// The value of a member, or a default value if there is no such member. Setting the value adds the member.
    public subscript(name: String, default fallback: @autoclosure () -> JSONValue) -> JSONValue {
        get { self[name] ?? fallback() }
        set { self[name] = newValue }
    }

    /// Sets the value of a member.
    ///
    /// - Returns: The previous value, or `nil` if the member is new.
    @discardableResult
    public mutating func updateValue(_ value: JSONValue, forKey name: String) -> JSONValue? {
        content.set(name, value)
    }

    /// Removes a member.
    ///
    /// - Returns: The value of the member, or `nil` if there was no such member.
    @discardableResult
    public mutating func removeValue(forKey name: String) -> JSONValue? { content.remove(name) }

    /// Removes all members.
    public mutating func removeAll() { content = OrderedMembers() }

    /// Adds the members of another object.
    ///
    /// - Parameters:
    ///   - other: The other object.
    ///   - combine: Returns the value of a name that both objects have, from this object's value and the other's.
    public mutating func merge(
        _ other: JSONObject, uniquingKeysWith combine: (JSONValue, JSONValue) throws -> JSONValue
    ) rethrows {
        for (name, value) in other {
            self[name] = if let known = self[name] { try combine(known, value) } else { value }
        }
    }

    /// Returns this object with the members of another one.
    ///
    /// - Parameters:
    ///   - other: The other object.
    ///   - combine: Returns the value of a name that both objects have, from this object's value and the other's.
    public func merging(
        _ other: JSONObject, uniquingKeysWith combine: (JSONValue, JSONValue) throws -> JSONValue
    ) rethrows -> JSONObject {
        var merged = self
        try merged.merge(other, uniquingKeysWith: combine)
        return merged
    }

    /// Returns an object with the members for which a condition is true, in their order.
    public func filter(_ isIncluded: (Element) throws -> Bool) rethrows -> JSONObject {
        var kept = JSONObject()
        for member in self where try isIncluded(member) { kept.content.set(member.key, member.value) }
        return kept
    }

    /// Returns an object with the same names and transformed values.
    public func mapValues(_ transform: (JSONValue) throws -> JSONValue) rethrows -> JSONObject {
        var changed = self
        for index in indices {
            changed.content.replaceValue(at: index, with: try transform(content.members[index].value))
        }
        return changed
    }

    /// The names of the members, in their order.
    public var keys: [String] { content.members.map(\.name) }

    /// The values of the members, in their order.
    public var values: [JSONValue] { content.members.map(\.value) }
}

extension JSONObject: RandomAccessCollection {
    /// The index of the first member: 0.
    public var startIndex: Int { 0 }
    /// The index after the last member: the number of members.
    public var endIndex: Int { content.members.count }
    /// The member at an index.
    public subscript(position: Int) -> Element { (content.members[position].name, content.members[position].value) }
}

extension JSONObject: Hashable {
    /// Returns whether two objects have the same members in any order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        // The order is usually the same, and then no search is needed.
        for index in left.indices {
            let member = left.content.members[index]
            guard let position = right.content.position(of: member.name, guess: index),
                member.value == right.content.members[position].value
            else { return false }
        }
        return true
    }

    /// Hashes the members, independently of their order.
    public func hash(into hasher: inout Hasher) {
        var sum = 0
        for (name, value) in self {
            var member = Hasher()
            member.combine(MemberName(text: name))
            member.combine(value)
            sum ^= member.finalize()
        }
        hasher.combine(sum)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Creates an object from a literal. Of several members with the same name, the last value is used.
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self.init(members) { _, last in last }
    }
}

extension JSONObject: CustomStringConvertible {
    /// The members, for debugging.
    public var description: String { String(describing: Array(self)) }
}
