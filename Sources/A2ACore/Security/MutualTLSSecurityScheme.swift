// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Authentication by a TLS certificate of the caller.
    public struct MutualTLSSecurityScheme: Sendable, Hashable {
        /// A description for people.
        public var description: String?

        /// Creates a scheme.
        public init(description: String? = nil) {
            self.description = description
        }
    }
}
