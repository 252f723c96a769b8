// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// What a server offers over A2A, and how.
public struct A2AConfiguration: Sendable {
    /// The agent whose card is also at the root of the server, `/.well-known/agent-card.json`. If `nil`, it is the only
    /// agent of the server, if there is exactly one.
    public var defaultAgent: AgentName?
    /// Whether tasks can be streamed. Defaults to `true`.
    public var hasStreaming: Bool
    /// Whether clients can configure push notifications. Defaults to `true`.
    public var hasPushNotifications: Bool
    /// Whether clients of protocol version 0.3 are served as well, over JSON-RPC. Defaults to `false`.
    public var servesVersion03: Bool

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - defaultAgent: The agent whose card is also at the root of the server. Defaults to the only agent.
    ///   - hasStreaming: Whether tasks can be streamed. Defaults to `true`.
    ///   - hasPushNotifications: Whether clients can configure push notifications. Defaults to `true`.
    ///   - servesVersion03: Whether clients of version 0.3 are served as well. Defaults to `false`.
    public init(
        defaultAgent: AgentName? = nil, hasStreaming: Bool = true, hasPushNotifications: Bool = true,
        servesVersion03: Bool = false
    ) {
        self.defaultAgent = defaultAgent
        self.hasStreaming = hasStreaming
        self.hasPushNotifications = hasPushNotifications
        self.servesVersion03 = servesVersion03
    }
}
