// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Authentication by OpenID Connect.
    public struct OpenIDConnectSecurityScheme: Sendable, Hashable {
        /// A description for people.
        public var description: String?
        /// Where the metadata of the provider are.
        public var url: String

        /// Creates a scheme.
        public init(description: String? = nil, url: String) {
            self.description = description
            self.url = url
        }
    }
}
