// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Authentication by the `Authorization` header of HTTP.
    public struct HTTPAuthSecurityScheme: Sendable, Hashable {
        /// A description for people.
        public var description: String?
        /// The name of the scheme, for example `Bearer`.
        public var scheme: String
        /// What the token is, for people: for example `JWT`.
        public var bearerFormat: String?

        /// Creates a scheme.
        public init(description: String? = nil, scheme: String, bearerFormat: String? = nil) {
            self.description = description
            self.scheme = scheme
            self.bearerFormat = bearerFormat
        }
    }
}
