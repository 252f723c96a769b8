// SPDX-License-Identifier: Apache-2.0

public import A2ACore
public import ACPCore
public import ACPServer

/// What a server offers over A2A, and how.
///
/// ```swift
/// var configuration = A2AConfiguration()
/// configuration.card = { manifest, card in
///     var card = card
///     card.iconURL = "https://agents.example.com/icons/\(manifest.name).png"
///     return card
/// }
/// try server.addA2A(configuration)
/// ```
public struct A2AConfiguration: Sendable {
    /// Returns the card of an agent, given the agent's manifest and the card that the server has created from it.
    public typealias CardTransform = @Sendable (AgentManifest, A2A.AgentCard) -> A2A.AgentCard

    /// The agent whose card is also at the root of the server, `/.well-known/agent-card.json`. If `nil`, it is the only
    /// agent of the server, if there is exactly one.
    public var defaultAgent: AgentName?
    /// Whether tasks can be streamed. Defaults to `true`.
    public var hasStreaming: Bool
    /// Whether clients can configure push notifications. Defaults to `true`.
    public var hasPushNotifications: Bool
    /// How push notifications are sent. If `nil`, they are sent with the defaults of ``PushConfiguration``, and to the hosts
    /// that `ServerConfiguration.links` allows.
    public var push: PushConfiguration?
    /// Whether clients of protocol version 0.3 are served as well, over JSON-RPC. Defaults to `false`.
    public var servesVersion03: Bool

    /// The version of the agents in their cards. If `nil`, which is the default, it is the member `version` of an
    /// agent's metadata, or `1.0.0`.
    public var version: String?
    /// Who provides the agents, in their cards. If `nil`, which is the default, it is the author in an agent's metadata.
    public var provider: A2A.AgentProvider?
    /// The extensions of the protocol that the agents support. If one is required, requests that do not name it are
    /// rejected. Defaults to none.
    public var extensions: [A2A.AgentExtension]
    /// The ways to authenticate, by their names. Defaults to none; then a server with bearer tokens declares them.
    public var securitySchemes: [String: A2A.SecurityScheme]
    /// The schemes that callers need. Each element is one alternative. Defaults to none; then each of
    /// ``securitySchemes`` is an alternative.
    public var securityRequirements: [A2A.SecurityRequirement]
    /// Changes the cards of agents. If `nil`, which is the default, they are those that the server creates from the
    /// agents' manifests.
    ///
    /// What a card declares in its `capabilities` applies to requests as well. It is determined once for each agent.
    public var card: CardTransform?
    /// Returns the extended card of an agent, given its public card. Only authenticated callers get it, if the server
    /// has an authentication. If `nil`, which is the default, there are no extended cards.
    public var extendedCard: CardTransform?
    /// Signs the cards. If `nil`, which is the default, they are not signed.
    public var signer: A2A.AgentCardSigner?
    /// How long clients may use a card without asking for it again, in whole seconds. Defaults to 5 minutes.
    public var cardLifetime: Duration

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - defaultAgent: The agent whose card is also at the root of the server. Defaults to the only agent.
    ///   - hasStreaming: Whether tasks can be streamed. Defaults to `true`.
    ///   - hasPushNotifications: Whether clients can configure push notifications. Defaults to `true`.
    ///   - push: How push notifications are sent. Defaults to ``PushConfiguration``, with the hosts that
    ///     `ServerConfiguration.links` allows.
    ///   - servesVersion03: Whether clients of version 0.3 are served as well. Defaults to `false`.
    ///   - version: The version of the agents. Defaults to that in their metadata, or `1.0.0`.
    ///   - provider: Who provides the agents. Defaults to the author in their metadata.
    ///   - extensions: The extensions that the agents support. Defaults to none.
    ///   - securitySchemes: The ways to authenticate. Defaults to bearer tokens if the server has some.
    ///   - securityRequirements: The schemes that callers need. Defaults to one of `securitySchemes`.
    ///   - card: Changes the cards of agents. Defaults to `nil`.
    ///   - extendedCard: Returns the extended cards of agents. Defaults to `nil`.
    ///   - signer: Signs the cards. Defaults to `nil`.
    ///   - cardLifetime: How long clients may use a card without asking for it again. Defaults to 5 minutes.
    public init(
        defaultAgent: AgentName? = nil, hasStreaming: Bool = true, hasPushNotifications: Bool = true,
        push: PushConfiguration? = nil, servesVersion03: Bool = false, version: String? = nil,
        provider: A2A.AgentProvider? = nil,
        extensions: [A2A.AgentExtension] = [], securitySchemes: [String: A2A.SecurityScheme] = [:],
        securityRequirements: [A2A.SecurityRequirement] = [], card: CardTransform? = nil,
        extendedCard: CardTransform? = nil, signer: A2A.AgentCardSigner? = nil, cardLifetime: Duration = .seconds(300)
    ) {
        self.defaultAgent = defaultAgent
        self.hasStreaming = hasStreaming
        self.hasPushNotifications = hasPushNotifications
        self.push = push
        self.servesVersion03 = servesVersion03
        self.version = version
        self.provider = provider
        self.extensions = extensions
        self.securitySchemes = securitySchemes
        self.securityRequirements = securityRequirements
        self.card = card
        self.extendedCard = extendedCard
        self.signer = signer
        self.cardLifetime = cardLifetime
    }

    /// Validates the configuration. `ACPServer.addA2A(_:)` does so.
    ///
    /// - Throws: `ServerError` with code `invalidConfiguration`; the message names the property.
    public func validate() throws(ServerError) {
        func require(_ isValid: Bool, _ message: String) throws(ServerError) {
            if !isValid { throw .invalidConfiguration("A2AConfiguration.\(message)") }
        }
        try require(version != "", "version is empty: use a version such as 1.0.0, or nil")
        if let provider {
            try require(
                !provider.url.isEmpty && !provider.organization.isEmpty,
                "provider has an empty URL or organization: both are required")
        }
        var uris: Set<String> = []
        for uri in extensions.map({ $0.uri ?? "" }) {
            try require(!uri.isEmpty, "extensions contains one without a URI")
            try require(
                !uri.utf8.contains { $0 <= 0x20 || $0 >= 0x7f || $0 == UInt8(ascii: ",") },
                "extensions contains \"\(uri.prefix(100))\", which is not a URI that a header can contain")
            try require(uris.insert(uri).inserted, "extensions contains \(uri.prefix(100)) twice")
        }
        for (name, scheme) in securitySchemes {
            try require(scheme.violations.isEmpty, "securitySchemes[\"\(name)\"] lacks a required value")
        }
        for name in securityRequirements.flatMap(\.schemes.keys) {
            try require(
                securitySchemes[name] != nil,
                "securityRequirements names \"\(name.prefix(100))\", which is not in securitySchemes")
        }
        try require(cardLifetime >= .zero, "cardLifetime is negative: use 0 or more seconds")
    }
}
