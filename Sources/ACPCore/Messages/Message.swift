// SPDX-License-Identifier: Apache-2.0

/// What a user or an agent says: parts in order, with who said it and when.
public struct Message: Sendable, Hashable {
    /// Who speaks.
    public enum Role: Sendable, Hashable {
        /// The person or program that calls the agent.
        case user
        /// An agent: `agent/name`, or just `agent` if it is anonymous.
        case agent(AgentName?)
    }

    public var role: Role
    public var parts: [MessagePart]
    /// When the message was begun. Nil if that is unknown.
    public var createdAt: Timestamp?
    /// When the message was finished. Nil as long as it is open, that is, parts may still be added.
    public var completedAt: Timestamp?

    /// A message, complete now unless `completedAt` says otherwise.
    public init(
        role: Role = .user,
        parts: [MessagePart],
        createdAt: Timestamp? = .now,
        completedAt: Timestamp? = .now
    ) {
        self.role = role
        self.parts = parts
        self.createdAt = createdAt
        self.completedAt = completedAt
    }

    /// A message of plain text.
    public init(_ text: String, role: Role = .user) {
        let now = Timestamp.now
        self.init(role: role, parts: [.text(text)], createdAt: now, completedAt: now)
    }

    /// The text of all parts whose content type is `text/…`, joined.
    public var text: String {
        parts.lazy.filter { $0.contentType.hasPrefix("text/") && !$0.isArtifact }.compactMap(\.text).joined()
    }

    /// Whether parts may still be added.
    public var isOpen: Bool { completedAt == nil }

    /// Checks every part.
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
    /// A message of plain text from the user.
    public init(stringLiteral text: String) { self.init(text) }
}

extension Message.Role: RawRepresentable {
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

    public var rawValue: String {
        switch self {
        case .user: "user"
        case .agent(nil): "agent"
        case .agent(let name?): "agent/\(name)"
        }
    }

}
