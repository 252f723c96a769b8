// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// The header in which a client names the extensions that it wishes, and a server those that are active.
    public enum Extensions {
        /// The name of the header.
        public static let headerName = "A2A-Extensions"
        /// The name of the header before version 1.0.
        public static let oldHeaderName = "X-A2A-Extensions"

        /// The URI with which an agent declares that it creates one task for all sends that have the same
        /// ``idempotencyKeyHeaderName``. Clients may then repeat a send whose response was lost.
        public static let idempotentSending = "urn:simple-acp:a2a:idempotent-sending:v1"
        /// The name of the header with the idempotency key of a send.
        public static let idempotencyKeyHeaderName = "Idempotency-Key"

        /// Returns the URIs in the values of the header, each once, in their order.
        public static func uris(inHeaders values: [String]) -> [String] {
            var known: Set<String> = []
            return values.flatMap { $0.split(separator: ",") }.map { String($0).trimmingWhitespace() }
                .filter { !$0.isEmpty && known.insert($0).inserted }
        }

        /// Returns the value of the header for some URIs. If `nil`, there are none, and the header is left out.
        public static func headerValue(_ uris: [String]) -> String? {
            uris.isEmpty ? nil : uris.joined(separator: ", ")
        }

        /// Returns the URIs of the extensions that are active for a request: those that the client has named and the agent
        /// declares. Others are ignored.
        ///
        /// - Parameters:
        ///   - requested: The URIs that the client has named.
        ///   - declared: The extensions in the agent card.
        /// - Throws: ``A2AError`` with code ``A2AError/Code-swift.struct/extensionSupportRequired`` if the agent requires one that
        ///   the client has not named.
        public static func activate(
            requested: [String], declared: [AgentExtension]
        ) throws(A2AError) -> [String] {
            // As it mostly is, and then nothing is to be collected.
            if requested.isEmpty, !declared.contains(where: \.isRequired) { return [] }
            let missing = declared.filter(\.isRequired).compactMap(\.uri).filter { !requested.contains($0) }
            guard missing.isEmpty else {
                let list = missing.joined(separator: ", ")
                throw A2AError(
                    .extensionSupportRequired,
                    "the agent requires extensions that the request does not name: add \(list) to the header \(headerName)",
                    metadata: ["requiredExtensions": list])
            }
            let known = Set(declared.compactMap(\.uri))
            return requested.filter(known.contains)
        }
    }
}
