// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPServer

/// Creates the cards of agents from their manifests.
struct CardBuilder: Sendable {
    let configuration: A2AConfiguration
    /// Whether the server requires bearer tokens.
    private let hasBearerTokens: Bool

    /// The version of an agent that does not name one.
    static let defaultVersion = "1.0.0"

    /// All agents have this extension: see ``TaskService/Call/idempotencyKey``.
    private static let idempotentSending = A2A.AgentExtension(
        uri: A2A.Extensions.idempotentSending,
        description: "All sends with the same \(A2A.Extensions.idempotencyKeyHeaderName) header create one task.")

    init(configuration: A2AConfiguration, authentication: Authentication?) {
        self.configuration = configuration
        hasBearerTokens = authentication?.isBearer ?? false
    }

    /// Returns the public card of an agent, without signatures.
    ///
    /// - Parameter base: The URL of the server.
    func card(of manifest: AgentManifest, at base: String) -> A2A.AgentCard {
        let metadata = manifest.metadata
        let schemes = securitySchemes
        let card = A2A.AgentCard(
            name: manifest.name.rawValue,
            description: Self.description(of: manifest),
            supportedInterfaces: interfaces(of: manifest.name, at: base),
            provider: configuration.provider ?? Self.provider(metadata),
            version: configuration.version ?? metadata.extra["version"]?.stringValue.flatMap(Self.ifNotEmpty)
                ?? Self.defaultVersion,
            documentationURL: metadata.links?.first { $0.type == .documentation }?.url,
            capabilities: A2A.AgentCapabilities(
                streaming: configuration.hasStreaming, pushNotifications: configuration.hasPushNotifications,
                extensions: configuration.extensions + [Self.idempotentSending],
                extendedAgentCard: configuration.extendedCard == nil ? nil : true),
            securitySchemes: schemes,
            securityRequirements: configuration.securityRequirements.isEmpty
                ? schemes.keys.sorted().map { A2A.SecurityRequirement([$0: []]) } : configuration.securityRequirements,
            defaultInputModes: Self.modes(manifest.inputContentTypes),
            defaultOutputModes: Self.modes(manifest.outputContentTypes),
            skills: Self.skills(of: manifest))
        return configuration.card?(manifest, card) ?? card
    }

    /// Returns the extended card of an agent, with signatures.
    ///
    /// - Throws: ``A2AError``: `extendedAgentCardNotConfigured`; `internalError` if the card is not valid.
    func extendedCard(of manifest: AgentManifest, at base: String) throws(A2AError) -> A2A.AgentCard {
        guard let transform = configuration.extendedCard else {
            throw A2AError(.extendedAgentCardNotConfigured, "agent \(manifest.name) has no extended card")
        }
        return try completed(transform(manifest, card(of: manifest, at: base)))
    }

    /// Returns a card with its signatures.
    ///
    /// - Throws: ``A2AError`` with code `internalError` if the card is not valid, or cannot be signed.
    func completed(_ card: A2A.AgentCard) throws(A2AError) -> A2A.AgentCard {
        // A card with an empty required value would be verified differently by different clients.
        if let violation = card.violations.first {
            throw A2AError(
                .internalError,
                "the card of agent \(card.name) is not valid: \(violation.field): \(violation.description) (A2AConfiguration.card)"
            )
        }
        return try configuration.signer?.sign(card) ?? card
    }

    // MARK: - Where and how

    private func interfaces(of agent: AgentName, at base: String) -> [A2A.AgentInterface] {
        let url = "\(base)/a2a/\(agent)"
        var interfaces = [
            A2A.AgentInterface(url: url, binding: .jsonRPC), A2A.AgentInterface(url: url, binding: .httpJSON),
        ]
        if configuration.servesVersion03 {
            interfaces.append(
                A2A.AgentInterface(url: url, binding: .jsonRPC, protocolVersion: A2A.Version.v03.description))
        }
        return interfaces
    }

    private var securitySchemes: [String: A2A.SecurityScheme] {
        guard configuration.securitySchemes.isEmpty, hasBearerTokens else { return configuration.securitySchemes }
        return ["bearer": .httpAuth(A2A.HTTPAuthSecurityScheme(scheme: "Bearer"))]
    }

    // MARK: - Who and what

    private static func ifNotEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }

    private static func description(of manifest: AgentManifest) -> String {
        ifNotEmpty(manifest.description) ?? "The agent \(manifest.name)."
    }

    /// The author with a web page, or with the home page of the agent.
    private static func provider(_ metadata: AgentMetadata) -> A2A.AgentProvider? {
        let name = metadata.extra["organization"]?.stringValue ?? metadata.author?.name
        let url = metadata.author?.url ?? metadata.links?.first { $0.type == .homepage }?.url
        guard let name = name.flatMap(ifNotEmpty), let url = url.flatMap(ifNotEmpty) else { return nil }
        return A2A.AgentProvider(url: url, organization: name)
    }

    /// The media types of a manifest. An agent that accepts all types names the ones that clients know how to send
    /// first, because many compare types by their text.
    private static func modes(_ types: [String]) -> [String] {
        var modes: [String] = []
        for type in types where !type.isEmpty {
            for mode in type == "*/*" ? ["text/plain", "application/json", "*/*"] : [type] where !modes.contains(mode) {
                modes.append(mode)
            }
        }
        return modes.isEmpty ? ["text/plain"] : modes
    }

    private static func skills(of manifest: AgentManifest) -> [A2A.AgentSkill] {
        let metadata = manifest.metadata
        var tags: [String] = []
        for tag in (metadata.tags ?? []) + (metadata.domains ?? []) where !tag.isEmpty && !tags.contains(tag) {
            tags.append(tag)
        }
        if tags.isEmpty { tags = [manifest.name.rawValue] }
        var ids: Set<String> = []
        let skills = (metadata.capabilities ?? []).filter { !$0.name.isEmpty }.map { capability in
            A2A.AgentSkill(
                id: id(for: capability.name, &ids), name: capability.name,
                description: ifNotEmpty(capability.description) ?? description(of: manifest), tags: tags)
        }
        guard skills.isEmpty else { return skills }
        let name = manifest.name.rawValue
        return [A2A.AgentSkill(id: name, name: name, description: description(of: manifest), tags: tags)]
    }

    /// Returns an id for a skill, such as `text-summary` for "Text Summary", which no other skill has.
    private static func id(for name: String, _ ids: inout Set<String>) -> String {
        let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        let id = ifNotEmpty(words.joined(separator: "-")) ?? "skill"
        var unique = id
        var number = 2
        while !ids.insert(unique).inserted {
            unique = "\(id)-\(number)"
            number += 1
        }
        return unique
    }
}
