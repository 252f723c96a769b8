// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.AgentCard {
    /// What of a card is signed.
    public enum CanonicalForm: Sendable, Hashable, CaseIterable {
        /// What the specification demands: required fields are in it in any case, optional ones if they are set, and others if they
        /// do not have their default.
        case standard
        /// What the Python SDK signs: as the standard form, without texts, lists and objects that are empty and without nulls,
        /// required ones as well, at any depth.
        ///
        /// A card that holds none of those has the same standard form. Anyone with a signed card can add empty values to it
        /// without a change of this form.
        case withoutEmptyValues
    }

    /// Returns the card without its signatures in canonical form (RFC 8785): what is signed.
    ///
    /// - Throws: ``A2AError`` if the card holds a number that is infinite, or nesting that is too deep.
    public func canonicalJSON(_ form: CanonicalForm = .standard) throws(A2AError) -> [UInt8] {
        var card = self
        card.signatures = []
        let tree: JSONValue = try A2AJSON.read(from: try A2AJSON.encode(card))
        switch form {
        case .standard: return try CanonicalJSON.bytes(tree)
        case .withoutEmptyValues: return try CanonicalJSON.bytes(tree.withoutEmptyValues ?? [:])
        }
    }
}

extension JSONValue {
    /// The value without empty values in it. If `nil`, it is empty itself.
    fileprivate var withoutEmptyValues: JSONValue? {
        // Not nil in an expression with values, where it would be the JSON value null.
        switch self {
        case .null: return .none
        case .string(let text): return text.isEmpty ? .none : .some(self)
        case .array(let elements):
            let kept = elements.compactMap(\.withoutEmptyValues)
            return kept.isEmpty ? .none : .some(.array(kept))
        case .object(let members):
            var kept = JSONObject()
            for (name, value) in members { kept[name] = value.withoutEmptyValues }
            return kept.isEmpty ? .none : .some(.object(kept))
        case .bool, .integer, .unsigned, .largeInteger, .number: return self
        }
    }
}
