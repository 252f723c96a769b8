// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

extension CardBuilder {
    /// Returns a card as JSON. If clients of version 0.3 are served, it has the members of that version as well.
    func json(_ card: A2A.AgentCard) throws(A2AError) -> [UInt8] {
        let json = try A2AJSON.encode(card)
        guard configuration.servesVersion03, let old = A2A.V03.object(card) else { return json }
        let tree = try A2AJSON.read(JSONValue.self, from: json)
        return try A2AJSON.write(Self.merged(tree, .object(old)))
    }

    /// Adds members of a value to another one, at any depth. Members that exist remain as they are.
    private static func merged(_ value: JSONValue, _ other: JSONValue) -> JSONValue {
        switch (value, other) {
        case (.object(var members), .object(let others)):
            for (name, other) in others { members[name] = members[name].map { merged($0, other) } ?? other }
            return .object(members)
        case (.array(let elements), .array(let others)) where elements.count == others.count:
            return .array(zip(elements, others).map { merged($0, $1) })
        default: return value
        }
    }
}
