// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// An address at which an agent is called, and the form of the calls.
    public struct AgentInterface: Sendable, Hashable {
        /// The URL. For gRPC it is a host and a port, without a scheme.
        public var url: String
        /// The form of the calls.
        public var binding: ProtocolBinding
        /// What callers name as the tenant in all requests to this interface. If `nil`, they name none.
        public var tenant: String?
        /// The version of the protocol: a major and a minor number. Defaults to `1.0`.
        public var protocolVersion: String

        /// Creates an interface.
        public init(
            url: String,
            binding: ProtocolBinding,
            tenant: String? = nil,
            protocolVersion: String = A2A.Version.v1.description
        ) {
            self.url = url
            self.binding = binding
            self.tenant = tenant
            self.protocolVersion = protocolVersion
        }
    }
}
