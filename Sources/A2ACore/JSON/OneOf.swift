// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Collects the one of several members of an object that is set.
struct OneOf<Value> {
    /// The value of the member. If `nil`, none is set.
    private(set) var value: Value?
    private var name = ""

    /// Takes a member.
    ///
    /// - Parameters:
    ///   - field: The member.
    ///   - value: Its value. If `nil`, it is not set.
    /// - Throws: ``JSONFault`` if another one is set as well.
    mutating func take(_ field: some JSONField, _ value: Value?) throws(JSONFault) {
        guard let value else { return }
        guard self.value == nil else {
            throw JSONFault(.invalid("\(name) is set as well, and only one of them may be")).under(field.rawValue)
        }
        self.value = value
        name = field.name
    }
}
