// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// The implicit flow of OAuth 2.0, which is deprecated.
    public struct ImplicitFlow: Sendable, Hashable {
        /// Where the user is asked.
        public var authorizationURL: String?
        /// Where tokens are renewed.
        public var refreshURL: String?
        /// The scopes that there are, with a description of each.
        public var scopes: [String: String]

        /// Creates a flow.
        public init(authorizationURL: String? = nil, refreshURL: String? = nil, scopes: [String: String] = [:]) {
            self.authorizationURL = authorizationURL
            self.refreshURL = refreshURL
            self.scopes = scopes
        }
    }
}
