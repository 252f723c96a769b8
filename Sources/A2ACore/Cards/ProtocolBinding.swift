// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// The form in which an agent is called. Others than the three of the specification are named by a URI.
    public struct ProtocolBinding: A2AIdentifier, JSONText {
        /// The name of the binding.
        public let rawValue: String
        /// Creates the binding of a name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// JSON-RPC 2.0 over HTTP.
        public static let jsonRPC = ProtocolBinding(rawValue: "JSONRPC")
        /// Paths and verbs of HTTP, with JSON bodies.
        public static let httpJSON = ProtocolBinding(rawValue: "HTTP+JSON")
        /// gRPC.
        public static let grpc = ProtocolBinding(rawValue: "GRPC")
    }
}
