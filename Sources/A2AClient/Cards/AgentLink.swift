// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// The connections to an agent, with its card and the interface that was chosen from it. The copies of a client share
/// it.
final class AgentLink: Sendable {
    let transport: Transport
    let configuration: A2AClient.Configuration
    /// Where the card is fetched from. If `nil`, the caller passed it.
    let location: CardLocation?
    private let cache = Mutex(CardCache())

    init(
        location: CardLocation?, base: BaseURL, configuration: A2AClient.Configuration, httpClient: HTTPClient?
    ) throws(A2AClientError) {
        var wording = Transport.Wording()
        wording.protocolName = "A2A"
        wording.server = "an A2A agent"
        wording.timeoutRemedy =
            "the server may have processed it; raise the timeout, or send with returnsImmediately and subscribe to the task"
        do throws(ACPClientError) {
            transport = try Transport(
                baseURL: base, configuration: configuration.transport, httpClient: httpClient, wording: wording)
        } catch {
            throw A2AClientError(error)
        }
        self.configuration = configuration
        self.location = location
    }

    // MARK: - The card

    /// Stores a card that the caller passed.
    func adopt(_ card: A2A.AgentCard) throws(A2AClientError) {
        let isVerified = try verify("the card of \"\(card.name)\"") { (verifier) throws(A2A.SignatureError) in
            try verifier.verify(card)
        }
        let entry = entry(card, json: nil, url: nil, isVerified: isVerified, isFromCaller: true)
        cache.withLock { $0.pin(entry) }
    }

    /// Returns the card, which is fetched if there is none or if it is not fresh.
    func card(refreshing: Bool = false) async throws -> CardCache.Entry {
        if !refreshing, let entry = cache.withLock({ $0.fresh(at: .now) }) { return entry }
        let (known, entityTag) = cache.withLock { ($0.entry, $0.entityTag) }
        guard let location else {
            guard let known else { throw A2AClientError(.invalidConfiguration, "the client has no agent card") }
            return known
        }
        do {
            return try await fetch(location, known, entityTag)
        } catch let error as A2AClientError where error.isTransient && known != nil && !refreshing {
            // An agent whose card cannot be refreshed may still be callable.
            configuration.logger?.debug("A2A agent card was not refreshed", metadata: ["cause": "\(error.message)"])
            guard let known else { throw error }
            return known
        }
    }

    private func fetch(
        _ location: CardLocation, _ known: CardCache.Entry?, _ entityTag: String?
    ) async throws -> CardCache.Entry {
        let urls = known?.url.map { [$0] } ?? location.candidates
        var firstError: A2AClientError?
        for url in urls {
            var request = ClientRequest(method: .GET, target: .url(url))
            request.acceptsErrors = true
            request.name = "GET \(url)"
            if let entityTag, known?.url == url { request.extraHeaders = [("If-None-Match", entityTag)] }
            let reader = reader(request, isJSONRPC: false)
            let response = try await send(request)
            if response.status == 304, let known {
                cache.withLock {
                    $0.confirm(headers: response.headers, at: .now, lifetime: configuration.cardLifetime)
                }
                return known
            }
            do throws(A2AClientError) {
                let entry = try read(response, reader, url)
                cache.withLock {
                    $0.store(entry, headers: response.headers, at: .now, lifetime: configuration.cardLifetime)
                }
                return entry
            } catch {
                // Another place is tried only if the card is not at this one.
                let isElsewhere = [404, 405].contains(error.status) || error.code == .invalidResponse
                guard isElsewhere else { throw error }
                firstError = firstError ?? error
            }
        }
        throw firstError ?? A2AClientError(.invalidURL, "there is no URL to fetch the agent card from")
    }

    private func read(
        _ response: ClientResponse, _ reader: ResponseReader, _ url: String
    ) throws(A2AClientError) -> CardCache.Entry {
        guard (200..<300).contains(response.status) else { throw reader.failure(response) }
        let json = Array(response.body.readableBytesView)
        let card = try reader.value(A2A.AgentCard.self, response)
        guard !card.name.isEmpty || !card.supportedInterfaces.isEmpty else {
            throw reader.invalid(
                response, A2AError(.invalidAgentResponse, "an agent card has a name and supportedInterfaces"))
        }
        let isVerified = try verify("the agent card at \(url)") { (verifier) throws(A2A.SignatureError) in
            _ = try verifier.verify(json: json)
        }
        return entry(card, json: json, url: url, isVerified: isVerified, isFromCaller: false)
    }

    /// Fetches the extended card, which then replaces the public one.
    func extendedCard() async throws -> A2A.AgentCard {
        let endpoint = try await endpoint()
        let request = try endpoint.request(.getExtendedAgentCard, A2A.GetExtendedAgentCardRequest())
        let reader = reader(request, isJSONRPC: endpoint.isJSONRPC)
        let response = try await send(request)
        let card = try reader.value(A2A.AgentCard.self, response)
        let json = Array(try reader.result(response))
        let isVerified = try verify("the extended card of \"\(card.name)\"") { (verifier) throws(A2A.SignatureError) in
            _ = try verifier.verify(json: json)
        }
        var entry = entry(card, json: json, url: nil, isVerified: isVerified, isFromCaller: location == nil)
        // An extended card may only add skills. The interface that has sent it remains usable.
        if case .failure = entry.endpoint { entry.endpoint = .success(endpoint) }
        cache.withLock { [entry] in $0.pin(entry) }
        return card
    }

    /// Returns whether a signature was verified.
    private func verify(
        _ what: String, _ body: (A2A.AgentCardVerifier) throws(A2A.SignatureError) -> Void
    ) throws(A2AClientError) -> Bool {
        guard let verifier = configuration.cardVerifier else { return false }
        do throws(A2A.SignatureError) {
            try body(verifier)
            return true
        } catch {
            throw A2AClientError(
                .untrustedCard,
                "\(what) is not trusted: \(error). Add the key of its author to cardVerifier, or remove cardVerifier to use cards without checking their signatures",
                cause: error)
        }
    }

    private func entry(
        _ card: A2A.AgentCard, json: [UInt8]?, url: String?, isVerified: Bool, isFromCaller: Bool
    ) -> CardCache.Entry {
        let endpoint: Result<Endpoint, A2AClientError>
        do throws(A2AClientError) {
            let interface = try InterfaceChoice.choose(from: card, preferred: configuration.preferredBindings)
            let isTrusted =
                isVerified || isFromCaller || configuration.trustsOtherOrigins || !configuration.hasCredentials
                || transport.baseURL.isSameOrigin(as: interface.url)
            guard isTrusted else {
                throw A2AClientError(
                    .untrustedInterface,
                    "the agent card of \(transport.baseURL.origin) names the interface \(interface.url), which is of another origin, so that the token and the headers are not sent to it: use the URL that the card names, verify the card's signature with cardVerifier, or set trustsOtherOrigins"
                )
            }
            endpoint = .success(Endpoint(interface: interface, isTrusted: true))
        } catch {
            endpoint = .failure(error)
        }
        return CardCache.Entry(card: card, json: json, url: url, isVerified: isVerified, endpoint: endpoint)
    }

    // MARK: - Calls

    /// Returns the interface to call.
    func endpoint() async throws -> Endpoint { try await card().endpoint.get() }

    /// Calls a method.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - parameters: Its parameters.
    ///   - type: The type of the result.
    func call<Value: ProtoObject>(
        _ method: A2A.Method, _ parameters: some CallParameters, as type: Value.Type
    ) async throws -> Value {
        let endpoint = try await endpoint()
        let request = try endpoint.request(method, parameters)
        let reader = reader(request, isJSONRPC: endpoint.isJSONRPC, taskID: parameters.pathTask)
        return try reader.value(type, try await send(request, taskID: parameters.pathTask))
    }

    func reader(_ request: ClientRequest, isJSONRPC: Bool, taskID: A2A.TaskID? = nil) -> ResponseReader {
        ResponseReader(
            request: request, isJSONRPC: isJSONRPC, transport: transport, configuration: configuration, taskID: taskID)
    }

    /// Sends a request and reads the whole response, whatever its status is.
    func send(
        _ request: ClientRequest, timeout: Duration? = nil, taskID: A2A.TaskID? = nil
    ) async throws -> ClientResponse {
        do {
            return try await transport.send(request, timeout: timeout)
        } catch let error as ACPClientError {
            throw converted(error, taskID)
        }
    }

    /// Sends a request and returns its stream of events.
    ///
    /// - Throws: ``A2AClientError``, also if the response is not a stream.
    func open(_ request: ClientRequest, isJSONRPC: Bool, taskID: A2A.TaskID?) async throws -> StreamConnection {
        do {
            let response = try await transport.open(request)
            let reader = reader(request, isJSONRPC: isJSONRPC, taskID: taskID)
            if (200..<300).contains(response.status.code), response.headers.mediaType == "text/event-stream" {
                return StreamConnection(response, reader: reader)
            }
            let complete = try await transport.collect(response, for: request)
            // Servers report errors before the first event without a stream.
            _ = try reader.result(complete)
            throw reader.invalid(complete, nil)
        } catch let error as ACPClientError {
            throw converted(error, taskID)
        }
    }

    private func converted(_ error: ACPClientError, _ taskID: A2A.TaskID?) -> A2AClientError {
        var converted = A2AClientError(error)
        converted.taskID = taskID
        return converted
    }

    /// Repeats an attempt whose response was lost, while the reconnection policy allows it.
    ///
    /// The first attempt is repeated only if its connection was lost, and not if none was established, so that a server
    /// that does not run is reported at once.
    ///
    /// - Parameter isRepeatable: Whether the server recognizes a repeated request.
    func repeating<Value>(_ isRepeatable: Bool, _ attempt: () async throws -> Value) async throws -> Value {
        var backoff = Backoff(configuration.reconnection)
        var random = SystemRandomNumberGenerator()
        while true {
            do {
                return try await attempt()
            } catch let error as A2AClientError where isRepeatable {
                let isLost = error.code == .connectionLost || (backoff.failures > 0 && error.isTransient)
                guard isLost, let delay = backoff.nextDelay(retryAfter: error.retryAfter, using: &random) else {
                    throw error
                }
                try await Task.sleep(for: delay)
            }
        }
    }
}
