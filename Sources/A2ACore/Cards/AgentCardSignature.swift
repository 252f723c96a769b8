// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// A signature of an agent card: a JSON Web Signature (RFC 7515) without its content.
    public struct AgentCardSignature: Sendable, Hashable {
        /// The protected header: a JSON object in base64url.
        public var protected: String
        /// The signature in base64url.
        public var signature: String
        /// The unprotected header. If `nil`, there is none.
        public var header: JSONObject?

        /// Creates a signature.
        public init(protected: String, signature: String, header: JSONObject? = nil) {
            self.protected = protected
            self.signature = signature
            self.header = header
        }
    }
}
