// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// The device authorization flow of OAuth 2.0 (RFC 8628).
    public struct DeviceCodeFlow: Sendable, Hashable {
        /// Where a device asks for a code.
        public var deviceAuthorizationURL: String
        /// Where tokens are issued.
        public var tokenURL: String
        /// Where tokens are renewed.
        public var refreshURL: String?
        /// The scopes that there are, with a description of each.
        public var scopes: [String: String]

        /// Creates a flow.
        public init(
            deviceAuthorizationURL: String,
            tokenURL: String,
            refreshURL: String? = nil,
            scopes: [String: String]
        ) {
            self.deviceAuthorizationURL = deviceAuthorizationURL
            self.tokenURL = tokenURL
            self.refreshURL = refreshURL
            self.scopes = scopes
        }
    }
}
