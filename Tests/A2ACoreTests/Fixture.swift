// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

/// Values that many tests share.
enum Fixture {
    /// 2026-01-02T03:04:05.678Z
    static let time = Timestamp(microseconds: 1_767_323_045_678_000)

    static let message = A2A.Message(
        id: "m1", contextID: "c1", taskID: "t1", role: .agent,
        parts: [
            .text("Hi", mediaType: "text/plain"),
            .raw([0, 255, 16], mediaType: "image/png", filename: "x.png"),
            A2A.Part(.url("https://example.com/a"), metadata: ["k_1": [1, 2.5, nil]]),
            .data(["count": 42, "list": [true, nil, "x"]]),
        ],
        metadata: ["urn:x": ["snake_key": 9_007_199_254_740_993]], extensions: ["urn:x"], referenceTaskIDs: ["t0"])

    static let artifact = A2A.Artifact(
        id: "a1", name: "n", description: "d", parts: [.text("out")], metadata: ["k": 1], extensions: ["urn:x"])

    static let status = A2A.TaskStatus(state: .inputRequired, message: message, timestamp: time)

    static let task = A2A.Task(
        id: "t1", contextID: "c1", status: status, artifacts: [artifact], history: [message], metadata: ["k": "v"])

    static let pushConfig = A2A.TaskPushNotificationConfig(
        tenant: "acme", id: "p1", taskID: "t1", url: "https://example.com/hook", token: "secret",
        authentication: A2A.AuthenticationInfo(scheme: "Bearer", credentials: "abc"))

    static let sendRequest = A2A.SendMessageRequest(
        tenant: "acme", message: message,
        configuration: A2A.SendMessageConfiguration(
            acceptedOutputModes: ["text/plain"], pushNotificationConfig: pushConfig, historyLength: 0,
            returnsImmediately: true),
        metadata: ["k": false])

    static let card = A2A.AgentCard(
        name: "Echo", description: "Says it again",
        supportedInterfaces: [
            A2A.AgentInterface(url: "https://example.com/echo", binding: .jsonRPC, tenant: "acme"),
            A2A.AgentInterface(url: "https://example.com/echo/v1", binding: .httpJSON),
        ],
        provider: A2A.AgentProvider(url: "https://example.com", organization: "Example"), version: "1.2.3",
        documentationURL: "https://example.com/docs",
        capabilities: A2A.AgentCapabilities(
            streaming: true, pushNotifications: false,
            extensions: [A2A.AgentExtension(uri: "urn:x", description: "d", isRequired: true, params: ["a": 1])],
            extendedAgentCard: true),
        securitySchemes: [
            "key": .apiKey(A2A.APIKeySecurityScheme(description: "d", location: "header", name: "X-Key")),
            "http": .httpAuth(A2A.HTTPAuthSecurityScheme(scheme: "Bearer", bearerFormat: "JWT")),
            "oauth": .oauth2(
                A2A.OAuth2SecurityScheme(
                    flows: .authorizationCode(
                        A2A.AuthorizationCodeFlow(
                            authorizationURL: "https://a", tokenURL: "https://t", refreshURL: "https://r",
                            scopes: ["read": "Reads"], requiresPKCE: true)),
                    metadataURL: "https://m")),
            "oidc": .openIDConnect(A2A.OpenIDConnectSecurityScheme(url: "https://o")),
            "mtls": .mutualTLS(A2A.MutualTLSSecurityScheme(description: "d")),
        ],
        securityRequirements: [A2A.SecurityRequirement(["oauth": ["read"], "key": []])],
        defaultInputModes: ["text/plain"], defaultOutputModes: ["text/plain"],
        skills: [
            A2A.AgentSkill(
                id: "echo", name: "Echo", description: "Repeats", tags: ["chat"], examples: ["hi"],
                inputModes: ["text/plain"], outputModes: ["text/markdown"],
                securityRequirements: [A2A.SecurityRequirement(["http": []])])
        ],
        signatures: [A2A.AgentCardSignature(protected: "e30", signature: "AAAA", header: ["x": 1])],
        iconURL: "https://example.com/icon.png")
}
