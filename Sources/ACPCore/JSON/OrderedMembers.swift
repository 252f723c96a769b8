// SPDX-License-Identifier: Apache-2.0

/// A name that is compared byte by byte, whereas Swift strings are equal if they are canonically equivalent.
struct MemberName: Hashable {
    let text: String

    static func == (left: MemberName, right: MemberName) -> Bool { left.text.hasSameBytes(as: right.text) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}

/// Names with values, in the order in which they were added. A small number is searched linearly; a larger number has
/// an index.
struct OrderedMembers<Value> {
    struct Member {
        let name: String
        var value: Value
    }

    private(set) var members: [Member] = []
    /// The position of each name. Empty below ``indexThreshold``.
    private var index: [MemberName: Int] = [:]

    /// The number of members from which on there is an index.
    private static var indexThreshold: Int { 12 }

    /// Returns the position of a name, or `nil` if there is no such name.
    ///
    /// - Parameter guess: The position at which the name probably is.
    func position(of name: String, guess: Int = 0) -> Int? {
        if guess < members.count, members[guess].name.hasSameBytes(as: name) { return guess }
        if members.count < Self.indexThreshold { return members.firstIndex { $0.name.hasSameBytes(as: name) } }
        return index[MemberName(text: name)]
    }

    /// Appends a name, or replaces its value.
    ///
    /// - Returns: The previous value.
    @discardableResult
    mutating func set(_ name: String, _ value: Value) -> Value? {
        if let position = position(of: name) {
            let old = members[position].value
            members[position].value = value
            return old
        }
        members.append(Member(name: name, value: value))
        if members.count == Self.indexThreshold {
            reindex()
        } else if members.count > Self.indexThreshold {
            index[MemberName(text: name)] = members.count - 1
        }
        return nil
    }

    /// Removes a name.
    ///
    /// - Returns: The value of the name.
    @discardableResult
    mutating func remove(_ name: String) -> Value? {
        guard let position = position(of: name) else { return nil }
        let removed = members.remove(at: position)
        reindex()
        return removed.value
    }

    /// Replaces the value at a position.
    mutating func replaceValue(at position: Int, with value: Value) { members[position].value = value }

    private mutating func reindex() {
        index = [:]
        guard members.count >= Self.indexThreshold else { return }
        for (position, member) in members.enumerated() { index[MemberName(text: member.name)] = position }
    }
}

extension OrderedMembers: Sendable where Value: Sendable {}
extension OrderedMembers.Member: Sendable where Value: Sendable {}
