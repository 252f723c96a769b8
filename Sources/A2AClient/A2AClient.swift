// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import AsyncHTTPClient
import Foundation

/// A client for an agent of the Agent2Agent protocol (A2A), version 1.0, in any language.
///
/// ```swift
/// let client = try A2AClient("https://agents.example/weather")
/// let response = try await client.sendMessage("What is the weather in Lyon?")
/// print(response.text)
/// ```
///
/// ## The agent card
///
/// With the first call, the client fetches the agent's card from `/.well-known/agent-card.json` below the URL, or from
/// the URL itself if the card is there. It calls the first interface in the card that it supports: JSON-RPC or
/// HTTP+JSON in version 1.0. The card is cached as its `Cache-Control` allows, and refreshed with its `ETag`. With
/// ``Configuration/cardVerifier``, the signatures of the card are verified. ``init(card:configuration:httpClient:)``
/// uses a card that is known already.
///
/// ## Sending
///
/// | | new task | task that requires input |
/// |---|---|---|
/// | waits for the result | ``sendMessage(_:contextID:taskID:)`` | the same, with `taskID` |
/// | events as they happen | ``streamMessage(_:contextID:taskID:)`` | the same, with `taskID` |
///
/// A task continues when its client disconnects. ``task(_:historyLength:)`` returns its current state,
/// ``subscribe(to:after:)`` its events, ``cancelTask(_:metadata:)`` cancels it.
///
/// ## Retries
///
/// Requests that only read are sent again if a pooled connection turns out to be closed. Every send has a random
/// `Idempotency-Key`. If the server recognizes repeated sends (see ``Configuration/deduplicatesSends``), a send whose
/// connection was lost is repeated; otherwise the error is thrown and the caller decides. Streams reconnect by
/// themselves, see ``TaskStream``.
///
/// ## Life cycle
///
/// A client is cheap to copy and can be shared between tasks; its copies share the card and the connections.
/// ``close()`` closes them. Otherwise they are closed when the last copy and its last stream are deallocated.
/// Cancelling a Swift task ends the request for which it waits; it does not cancel the agent's task.
///
/// Every call throws ``A2AClientError``, or `CancellationError` if its task is cancelled.
public struct A2AClient: Sendable {
    let link: AgentLink

    /// Creates a client for the agent at a URL. Nothing is sent before the first call.
    ///
    /// - Parameters:
    ///   - url: The `http` or `https` URL of the agent, to which `/.well-known/agent-card.json` is appended, or the URL
    ///     of its card.
    ///   - configuration: Token, headers, choice of the interface, timeouts, TLS and more.
    ///   - httpClient: An HTTP client to use. It has its own TLS settings, connect timeout and limits, should not
    ///     follow redirects, and is shut down by its owner. If `nil`, the client creates one.
    /// - Throws: ``A2AClientError`` with code `invalidURL` or `invalidConfiguration`.
    public init(
        _ url: String, configuration: Configuration = Configuration(), httpClient: HTTPClient? = nil
    ) throws(A2AClientError) {
        let location = try CardLocation(url)
        link = try AgentLink(
            location: location, base: location.base, configuration: configuration, httpClient: httpClient)
    }

    /// Creates a client for the agent at a URL.
    ///
    /// - Throws: ``A2AClientError`` with code `invalidURL` or `invalidConfiguration`.
    public init(
        _ url: URL, configuration: Configuration = Configuration(), httpClient: HTTPClient? = nil
    ) throws(A2AClientError) {
        try self.init(url.absoluteString, configuration: configuration, httpClient: httpClient)
    }

    /// Creates a client for the agent of a card.
    ///
    /// The token and the headers of the configuration are sent to the interface that the card names: pass only a card
    /// that you trust, or set ``Configuration/cardVerifier``.
    ///
    /// - Throws: ``A2AClientError`` with code `noSupportedInterface` if the card offers no interface that this client
    ///   supports, `untrustedCard` if it has no valid signature, or `invalidConfiguration`.
    public init(
        card: A2A.AgentCard, configuration: Configuration = Configuration(), httpClient: HTTPClient? = nil
    ) throws(A2AClientError) {
        let interface = try InterfaceChoice.choose(from: card, preferred: configuration.preferredBindings)
        let base = try CardLocation(interface.url).base
        link = try AgentLink(location: nil, base: base, configuration: configuration, httpClient: httpClient)
        try link.adopt(card)
    }

    /// The URL of the agent: the one that the client was created with, or that of the interface of its card.
    public var url: String { link.transport.baseURL.description }

    /// Closes all connections. Running and later calls fail. An HTTP client that was passed to the initializer remains
    /// open.
    ///
    /// Calling this method is optional: a client closes its connections when it is deallocated.
    public func close() async throws {
        do {
            try await link.transport.close()
        } catch let error as ACPClientError {
            throw A2AClientError(error)
        }
    }
}

extension A2AClient: CustomStringConvertible, CustomReflectable {
    /// A description with the URL.
    public var description: String { "A2AClient(\(url))" }

    /// Empty, because `dump` and debuggers would show the token.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

// MARK: - The agent card

extension A2AClient {
    /// Returns the agent's card: the cached one as long as it is fresh, otherwise the current one.
    ///
    /// A card with which this client cannot call the agent is returned as well.
    ///
    /// - Throws: ``A2AClientError``, with code `untrustedCard` if the card has no valid signature and one is required.
    public func card() async throws -> A2A.AgentCard { try await link.card().card }

    /// Fetches the agent's public card, even if the cached one is fresh or an extended one. A card that was passed to
    /// the initializer is returned unchanged.
    @discardableResult
    public func refreshCard() async throws -> A2A.AgentCard { try await link.card(refreshing: true).card }

    /// Fetches the card that the agent shows to authenticated callers. It replaces the cached card of this client and
    /// its copies until ``refreshCard()`` is called.
    ///
    /// - Throws: ``A2AClientError`` with code `serverError` and the server's code `unsupportedOperation` or
    ///   `extendedAgentCardNotConfigured` if there is none.
    @discardableResult
    public func extendedCard() async throws -> A2A.AgentCard { try await link.extendedCard() }

    /// Verifies the signatures of the current card, also those over fields that this version does not know.
    ///
    /// - Throws: `A2A.SignatureError` if there is no valid signature; errors of ``card()``.
    public func verifyCard(with verifier: A2A.AgentCardVerifier) async throws {
        let entry = try await link.card()
        if let json = entry.json { _ = try verifier.verify(json: json) } else { try verifier.verify(entry.card) }
    }

    /// Returns the interface of the card that this client calls.
    ///
    /// - Throws: ``A2AClientError`` with code `noSupportedInterface` or `untrustedInterface` if there is none.
    public func interface() async throws -> A2A.AgentInterface { try await link.endpoint().interface }
}
