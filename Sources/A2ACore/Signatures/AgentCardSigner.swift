// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// Signs agent cards.
    ///
    /// ```swift
    /// let signer = A2A.AgentCardSigner(key: .ed25519(.init()), keyID: "2026-01")
    /// let signed = try signer.sign(card)
    /// ```
    public struct AgentCardSigner: Sendable {
        /// The private key.
        public var key: SigningKey
        /// The identifier under which others know the public key.
        public var keyID: String
        /// Where the public key is published, as a JSON Web Key Set. If `nil`, the signature does not name it.
        public var keySetURL: String?
        /// The forms of the card that are signed, each by a signature of its own. Defaults to all, so that implementations which
        /// verify another form than the specification demands find a valid signature as well. Forms that are the same are
        /// signed once.
        public var forms: [AgentCard.CanonicalForm]

        /// Creates a signer.
        public init(
            key: SigningKey, keyID: String, keySetURL: String? = nil,
            forms: [AgentCard.CanonicalForm] = AgentCard.CanonicalForm.allCases
        ) {
            self.key = key
            self.keyID = keyID
            self.keySetURL = keySetURL
            self.forms = forms
        }

        /// Returns the card with signatures added to those that it has.
        ///
        /// A signature is valid for as long as nothing else in the card changes.
        ///
        /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/internalError`` if the card cannot be written as JSON, or
        ///   cannot be signed.
        public func sign(_ card: AgentCard) throws(A2AError) -> AgentCard {
            var signed = card
            var contents: [[UInt8]] = []
            for form in forms {
                let content = try card.canonicalJSON(form)
                guard !contents.contains(content) else { continue }
                contents.append(content)
                signed.signatures.append(try signature(of: content))
            }
            return signed
        }

        private func signature(of content: [UInt8]) throws(A2AError) -> AgentCardSignature {
            var header: JSONObject = [
                "alg": .string(key.algorithm.rawValue), "kid": .string(keyID), "typ": "JOSE",
            ]
            header["jku"] = keySetURL.map { .string($0) }
            let protected = Base64.urlText(try A2AJSON.write(header))
            do {
                let signature = try key.signature(for: A2A.signingInput(protected: protected, content: content))
                return AgentCardSignature(protected: protected, signature: Base64.urlText(signature))
            } catch {
                throw A2AError(.internalError, "the card cannot be signed with the key \(keyID)")
            }
        }
    }

    /// What the signature of a card is computed of (RFC 7515, section 5.1).
    static func signingInput(protected: String, content: [UInt8]) -> [UInt8] {
        Array((protected + "." + Base64.urlText(content)).utf8)
    }
}
