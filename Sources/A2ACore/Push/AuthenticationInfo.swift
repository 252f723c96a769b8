// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// How a server authenticates to the receiver of push notifications.
    public struct AuthenticationInfo: Sendable, Hashable {
        /// The scheme of HTTP authentication, for example `Bearer`. Upper and lower case are the same.
        public var scheme: String
        /// The credentials in the form that the scheme has: a token for `Bearer`.
        public var credentials: String?

        /// Creates authentication details.
        public init(scheme: String, credentials: String? = nil) {
            self.scheme = scheme
            self.credentials = credentials
        }
    }
}
