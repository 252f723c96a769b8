// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// Who provides an agent.
    public struct AgentProvider: Sendable, Hashable {
        /// The website.
        public var url: String
        /// The name.
        public var organization: String

        /// Creates a provider.
        public init(url: String, organization: String) {
            self.url = url
            self.organization = organization
        }
    }
}
