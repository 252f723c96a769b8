// SPDX-License-Identifier: Apache-2.0

/// A message of a user or an agent: an ordered list of parts with a sender and timestamps.
public struct Message: Sendable, Hashable {
    /// The sender of a message.
    public enum Role: Sendable, Hashable {
        /// The person or program that calls the agent.
        case user
        /// An agent: `agent/name`, or just `agent` if it is anonymous.
        case agent(AgentName?)
    }

    /// The sender of the message.
    public var role: Role
    /// The content of the message, in order.
    public var parts: [MessagePart]
    /// When the message was begun. If `nil`, the time is unknown.
    public var createdAt: Timestamp?
    /// When the message was completed. If `nil`, the message is still open: parts may be added.
    public var completedAt: Timestamp?
    /// Members that the specification does not define, kept as they were received. Replays compare them.
    public var extra: JSONObject

    /// Creates a message.
    ///
    /// - Parameters:
    ///   - role: The sender. Defaults to the user.
    ///   - parts: The content, in order.
    ///   - createdAt: When the message was begun. Defaults to now.
    ///   - completedAt: When the message was completed. Defaults to now. If `nil`, the message is open.
    ///   - extra: Members that the specification does not define.
    public init(
        role: Role = .user,
        parts: [MessagePart],
        createdAt: Timestamp? = .now,
        completedAt: Timestamp? = .now,
        extra: JSONObject = [:]
    ) {
        self.role = role
        self.parts = parts
        self.createdAt = createdAt
        self.completedAt = completedAt
        self.extra = extra
    }

    /// Creates a complete message of plain text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - role: The sender. Defaults to the user.
    public init(_ text: String, role: Role = .user) {
        let now = Timestamp.now
        self.init(role: role, parts: [.text(text)], createdAt: now, completedAt: now)
    }

    /// The text of all parts whose content type is `text/…`, joined. Artifacts are left out.
    public var text: String {
        parts.lazy.filter { $0.contentType.hasPrefix("text/") && !$0.isArtifact }.compactMap(\.text).joined()
    }

    /// Whether parts may still be added.
    public var isOpen: Bool { completedAt == nil }

    /// Checks all parts of the message.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput``, naming the part.
    public func validate() throws(ACPError) {
        for (index, part) in parts.enumerated() {
            do {
                try part.validate()
            } catch {
                throw ACPError(error.code, "parts[\(index)]: \(error.message)")
            }
        }
    }
}

extension Message: ExpressibleByStringLiteral {
    /// Creates a message of plain text from the user.
    public init(stringLiteral text: String) { self.init(text) }
}

extension Message.Role: RawRepresentable {
    /// Creates a role from its text in JSON: `user`, `agent` or `agent/NAME`. Returns `nil` for any other text.
    public init?(rawValue: String) {
        switch rawValue {
        case "user": self = .user
        case "agent": self = .agent(nil)
        case _ where rawValue.hasPrefix("agent/"):
            guard let name = AgentName(rawValue: String(rawValue.dropFirst(6))) else { return nil }
            self = .agent(name)
        default: return nil
        }
    }

    /// The role as it is transmitted: `user`, `agent` or `agent/NAME`.
    public var rawValue: String {
        switch self {
        case .user: "user"
        case .agent(nil): "agent"
        case .agent(let name?): "agent/\(name)"
        }
    }
}
