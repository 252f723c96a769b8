// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// Verifies the signatures of agent cards against keys that are known.
    ///
    /// One valid signature is enough. Keys are never fetched: the URL in a signature is chosen by the author of the card.
    public struct AgentCardVerifier: Sendable {
        /// The public keys, by their identifiers.
        public var keys: [String: VerificationKey]
        /// The algorithms that are accepted. Defaults to all that are implemented.
        public var algorithms: Set<SignatureAlgorithm>
        /// The forms of the card that may be signed. Defaults to the standard one. The Python SDK signs
        /// ``AgentCard/CanonicalForm/withoutEmptyValues``.
        public var forms: [AgentCard.CanonicalForm]

        /// How many signatures of a card are looked at.
        static let maximumSignatures = 16

        /// Creates a verifier.
        public init(
            keys: [String: VerificationKey], algorithms: Set<SignatureAlgorithm> = Set(SignatureAlgorithm.allCases),
            forms: [AgentCard.CanonicalForm] = [.standard]
        ) {
            self.keys = keys
            self.algorithms = algorithms
            self.forms = forms
        }

        /// Checks that a card has a valid signature.
        ///
        /// - Returns: The identifier of the key that has signed it.
        /// - Throws: ``SignatureError``, with the reason for each signature.
        @discardableResult
        public func verify(_ card: AgentCard) throws(SignatureError) -> String {
            guard !card.signatures.isEmpty else { throw SignatureError([.notSigned]) }
            var contents: [[UInt8]] = []
            for form in forms {
                do throws(A2AError) {
                    contents.append(try card.canonicalJSON(form))
                } catch {
                    throw SignatureError([.notCanonical(error.message)])
                }
            }
            return try verify(card.signatures, contents)
        }

        /// Reads a card from JSON, and checks that it has a valid signature.
        ///
        /// Besides the forms that can be made of the card, the JSON as it was received may be what was signed: so the signature of
        /// a card with fields that are not known here is valid as well.
        ///
        /// - Throws: ``SignatureError``, with the reason for each signature.
        public func verify(json: [UInt8]) throws(SignatureError) -> AgentCard {
            let card: AgentCard
            var contents: [[UInt8]] = []
            do throws(A2AError) {
                card = try A2AJSON.decode(AgentCard.self, from: json)
                for form in forms { contents.append(try card.canonicalJSON(form)) }
                var received = try A2AJSON.read(JSONObject.self, from: json)
                received["signatures"] = nil
                contents.append(try CanonicalJSON.bytes(.object(received)))
            } catch {
                throw SignatureError([.notCanonical(error.message)])
            }
            guard !card.signatures.isEmpty else { throw SignatureError([.notSigned]) }
            try verify(card.signatures, contents)
            return card
        }

        @discardableResult
        private func verify(
            _ signatures: [AgentCardSignature], _ contents: [[UInt8]]
        ) throws(SignatureError) -> String {
            var reasons: [SignatureError.Reason] = []
            for signature in signatures.prefix(Self.maximumSignatures) {
                do throws(SignatureError.Reason) {
                    return try verify(signature, contents)
                } catch {
                    reasons.append(error)
                }
            }
            throw SignatureError(reasons)
        }

        private func verify(
            _ signature: AgentCardSignature, _ contents: [[UInt8]]
        ) throws(SignatureError.Reason) -> String {
            let header: JSONObject
            do throws(A2AError) {
                guard let bytes = Base64.bytes(signature.protected) else {
                    throw A2AError(.invalidParams, "it is not base64url")
                }
                header = try A2AJSON.read(JSONObject.self, from: bytes)
            } catch {
                throw .malformed("the protected header cannot be read: \(error.message)")
            }
            guard let name = header["alg"]?.stringValue else { throw .malformed("the protected header has no alg") }
            guard let algorithm = SignatureAlgorithm(name: name), algorithms.contains(algorithm) else {
                throw .algorithmNotAllowed(name)
            }
            // What must be understood is not (RFC 7515, section 4.1.11).
            guard header["crit"] == nil else {
                throw .malformed("the protected header has crit, which is not supported")
            }
            guard let keyID = header["kid"]?.stringValue else { throw .malformed("the protected header has no kid") }
            guard let key = keys[keyID] else { throw .unknownKey(keyID) }
            guard key.algorithm == algorithm else { throw .wrongAlgorithm(keyID: keyID, name) }
            guard let bytes = Base64.bytes(signature.signature) else {
                throw .malformed("the signature is not base64url")
            }
            for content in contents
            where key.isValid(bytes, for: A2A.signingInput(protected: signature.protected, content: content)) {
                return keyID
            }
            throw .invalid(keyID: keyID)
        }
    }

    /// Why a card has no valid signature.
    public struct SignatureError: Error, Sendable, Hashable, CustomStringConvertible {
        /// Why a signature is not valid.
        public enum Reason: Error, Sendable, Hashable {
            /// The card has no signatures.
            case notSigned
            /// The card cannot be read, or cannot be brought into the form that is signed.
            case notCanonical(String)
            /// The signature has not the form of one.
            case malformed(String)
            /// The algorithm is not accepted.
            case algorithmNotAllowed(String)
            /// There is no key of that identifier.
            case unknownKey(String)
            /// The key is for another algorithm than the signature names.
            case wrongAlgorithm(keyID: String, String)
            /// The signature is one of another card, or of another key.
            case invalid(keyID: String)
        }

        /// The reason for each signature, in their order.
        public var reasons: [Reason]

        /// Creates an error.
        public init(_ reasons: [Reason]) { self.reasons = reasons }

        /// The reasons, and what to do about them.
        public var description: String {
            "the agent card has no valid signature: " + reasons.map(\.description).joined(separator: "; ")
        }
    }
}

extension A2A.SignatureError.Reason: CustomStringConvertible {
    /// The reason, for people.
    public var description: String {
        switch self {
        case .notSigned: "it is not signed"
        case .notCanonical(let message): message
        case .malformed(let message): message
        case .algorithmNotAllowed(let name): "the algorithm \"\(name.prefix(40))\" is not accepted"
        case .unknownKey(let keyID): "the key \"\(keyID.prefix(80))\" is not known: add it to the keys of the verifier"
        case .wrongAlgorithm(let keyID, let name):
            "the key \"\(keyID.prefix(80))\" is not one for the algorithm \"\(name.prefix(40))\""
        case .invalid(let keyID):
            "the signature by the key \"\(keyID.prefix(80))\" does not belong to this card: it was changed after it was signed"
        }
    }
}
