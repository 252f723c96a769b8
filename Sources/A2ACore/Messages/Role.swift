// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// Who sends a message.
    public enum Role: String, Sendable, Hashable, CaseIterable {
        /// It is not known who. No message that is sent has this role.
        case unspecified = "ROLE_UNSPECIFIED"
        /// The client.
        case user = "ROLE_USER"
        /// The agent.
        case agent = "ROLE_AGENT"
    }
}

extension A2A.Role: Codable, ProtoEnum {
    package static let kind = "role"
}
