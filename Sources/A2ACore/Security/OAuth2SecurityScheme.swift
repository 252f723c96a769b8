// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Authentication by OAuth 2.0.
    public struct OAuth2SecurityScheme: Sendable, Hashable {
        /// A description for people.
        public var description: String?
        /// How a caller gets a token.
        public var flows: OAuthFlows
        /// Where the metadata of the authorization server are (RFC 8414).
        public var metadataURL: String?

        /// Creates a scheme.
        public init(description: String? = nil, flows: OAuthFlows, metadataURL: String? = nil) {
            self.description = description
            self.flows = flows
            self.metadataURL = metadataURL
        }
    }
}
