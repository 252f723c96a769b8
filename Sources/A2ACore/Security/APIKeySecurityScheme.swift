// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Authentication by a key that is sent along with each request.
    public struct APIKeySecurityScheme: Sendable, Hashable {
        /// A description for people.
        public var description: String?
        /// Where the key is: `query`, `header` or `cookie`.
        public var location: String
        /// The name of the parameter, header or cookie.
        public var name: String

        /// Creates a scheme.
        public init(description: String? = nil, location: String, name: String) {
            self.description = description
            self.location = location
            self.name = name
        }
    }
}
