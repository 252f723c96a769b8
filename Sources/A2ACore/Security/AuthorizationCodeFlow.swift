// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// The authorization code flow of OAuth 2.0.
    public struct AuthorizationCodeFlow: Sendable, Hashable {
        /// Where the user is asked.
        public var authorizationURL: String
        /// Where tokens are issued.
        public var tokenURL: String
        /// Where tokens are renewed.
        public var refreshURL: String?
        /// The scopes that there are, with a description of each.
        public var scopes: [String: String]
        /// Whether callers must use PKCE (RFC 7636). Defaults to `false`.
        public var requiresPKCE: Bool

        /// Creates a flow.
        public init(
            authorizationURL: String,
            tokenURL: String,
            refreshURL: String? = nil,
            scopes: [String: String],
            requiresPKCE: Bool = false
        ) {
            self.authorizationURL = authorizationURL
            self.tokenURL = tokenURL
            self.refreshURL = refreshURL
            self.scopes = scopes
            self.requiresPKCE = requiresPKCE
        }
    }
}
