// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// The password flow of OAuth 2.0, which is deprecated.
    public struct PasswordFlow: Sendable, Hashable {
        /// Where tokens are issued.
        public var tokenURL: String?
        /// Where tokens are renewed.
        public var refreshURL: String?
        /// The scopes that there are, with a description of each.
        public var scopes: [String: String]

        /// Creates a flow.
        public init(tokenURL: String? = nil, refreshURL: String? = nil, scopes: [String: String] = [:]) {
            self.tokenURL = tokenURL
            self.refreshURL = refreshURL
            self.scopes = scopes
        }
    }
}
