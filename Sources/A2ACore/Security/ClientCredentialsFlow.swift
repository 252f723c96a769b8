// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// The client credentials flow of OAuth 2.0.
    public struct ClientCredentialsFlow: Sendable, Hashable {
        /// Where tokens are issued.
        public var tokenURL: String
        /// Where tokens are renewed.
        public var refreshURL: String?
        /// The scopes that there are, with a description of each.
        public var scopes: [String: String]

        /// Creates a flow.
        public init(tokenURL: String, refreshURL: String? = nil, scopes: [String: String]) {
            self.tokenURL = tokenURL
            self.refreshURL = refreshURL
            self.scopes = scopes
        }
    }
}
