// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPServer
import Crypto
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// A card as it is sent.
struct EncodedCard: Sendable {
    let json: [UInt8]
    /// A weak entity tag. It does not depend on the signatures, which may differ for the same card.
    let tag: String
    /// When the card was last changed, as far as this process knows.
    let modified: Timestamp
    /// How long clients may use the card, in seconds.
    let lifetime: Int

    /// Returns the response with the card, or 304 if the client has it.
    func response(to request: Request) -> Response {
        let headers: HTTPFields = [
            .eTag: "W/\(tag)", .cacheControl: "public, max-age=\(lifetime)", .lastModified: HTTPDate.text(modified),
        ]
        if isCurrent(for: request) { return Response(status: .notModified, headers: headers) }
        var response = Response(json: json)
        response.headers.append(contentsOf: headers)
        return response
    }

    /// Whether the client has the card. An entity tag has precedence over a date.
    private func isCurrent(for request: Request) -> Bool {
        if request.headers[.ifNoneMatch] != nil { return request.hasCurrent(tag) }
        guard let since = request.headers[.ifModifiedSince].flatMap(HTTPDate.time) else { return false }
        // Dates in headers have no fraction of a second.
        return modified.microseconds / 1_000_000 <= since.microseconds / 1_000_000
    }
}

/// The cards of a server's agents as they are sent. They are created and signed when they are first requested.
final class CardStore: Sendable {
    private struct Key: Hashable {
        let agent: AgentName
        let base: String
    }

    private struct State {
        var cards: [Key: (manifest: AgentManifest, card: EncodedCard)] = [:]
        /// When the manifest of an agent was first seen to have changed.
        var changes: [AgentName: (manifest: AgentManifest, time: Timestamp)] = [:]
    }

    /// How many cards are kept. Clients choose the URL of the server by the `Host` header.
    private static let limit = 256
    private let builder: CardBuilder
    private let start = Timestamp.now
    private let state = Mutex(State())

    init(builder: CardBuilder) { self.builder = builder }

    /// Returns the card of an agent.
    ///
    /// - Parameters:
    ///   - manifest: The agent's manifest.
    ///   - base: The URL of the server.
    /// - Throws: ``A2AError`` with code `internalError` if the card is not valid.
    func card(of manifest: AgentManifest, at base: String) throws(A2AError) -> EncodedCard {
        var manifest = manifest
        // Statistics are not in the card.
        manifest.status = nil
        let key = Key(agent: manifest.name, base: base)
        let known = state.withLock { $0.cards[key] }
        if let known, known.manifest == manifest { return known.card }
        let card = builder.card(of: manifest, at: base)
        let json = try builder.json(card)
        let digest = SHA256.hash(data: json).prefix(16)
        let encoded = EncodedCard(
            json: builder.configuration.signer == nil && card.violations.isEmpty
                ? json : try builder.json(try builder.completed(card)),
            tag: "\"\(Base64.urlText(Array(digest)))\"", modified: modified(manifest),
            lifetime: Int(builder.configuration.cardLifetime.components.seconds))
        state.withLock { state in
            if state.cards.count >= Self.limit { state.cards.removeAll() }
            state.cards[key] = (manifest, encoded)
        }
        return encoded
    }

    private func modified(_ manifest: AgentManifest) -> Timestamp {
        let now = Timestamp.now
        return state.withLock { state in
            guard let change = state.changes[manifest.name] else {
                state.changes[manifest.name] = (manifest, start)
                return start
            }
            if change.manifest == manifest { return change.time }
            state.changes[manifest.name] = (manifest, now)
            return now
        }
    }
}
