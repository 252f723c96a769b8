// SPDX-License-Identifier: Apache-2.0

import A2ACore
import NIOHTTP1

/// The card of an agent that was fetched last, and for how long it may be used (RFC 9111). It does no I/O.
struct CardCache: Sendable {
    /// A card with what is derived from it.
    struct Entry: Sendable {
        var card: A2A.AgentCard
        /// The card as it was received. If `nil`, the caller passed it.
        var json: [UInt8]?
        /// The URL that the card was fetched from. If `nil`, the caller passed the card, or it is an extended card.
        var url: String?
        /// Whether a signature of the card was verified.
        var isVerified: Bool
        /// The interface to call, or why there is none.
        var endpoint: Result<Endpoint, A2AClientError>
    }

    private(set) var entry: Entry?
    /// The validator with which the server can confirm that the card has not changed.
    private(set) var entityTag: String?
    /// When the card has to be fetched again. If `nil`, never.
    private var freshUntil: ContinuousClock.Instant?

    /// A cache without a card.
    init() {}

    /// Returns the card, if it may be used without a request.
    func fresh(at now: ContinuousClock.Instant) -> Entry? {
        if let freshUntil, now >= freshUntil { return nil }
        return entry
    }

    /// Stores a card that remains valid.
    mutating func pin(_ entry: Entry) {
        self.entry = entry
        entityTag = nil
        freshUntil = nil
    }

    /// Stores a card that was fetched.
    ///
    /// - Parameters:
    ///   - entry: The card.
    ///   - headers: The headers of its response.
    ///   - now: The current time.
    ///   - lifetime: How long the card may be used if the headers do not limit it.
    mutating func store(_ entry: Entry, headers: HTTPHeaders, at now: ContinuousClock.Instant, lifetime: Duration) {
        self.entry = entry
        entityTag = headers.first(name: "ETag")
        freshUntil = now + (headers.freshness ?? lifetime)
    }

    /// Records that the server has confirmed the card.
    mutating func confirm(headers: HTTPHeaders, at now: ContinuousClock.Instant, lifetime: Duration) {
        entityTag = headers.first(name: "ETag") ?? entityTag
        freshUntil = now + (headers.freshness ?? lifetime)
    }
}

extension HTTPHeaders {
    /// How long a response may be used without asking the server again. `nil` if the headers do not contain it.
    var freshness: Duration? {
        var maximumAge: Int?
        for directive in self[canonicalForm: "Cache-Control"] {
            let parts = directive.lowercased().split(separator: "=", maxSplits: 1)
            switch parts.first {
            case "no-store", "no-cache": return .zero
            case "max-age" where parts.count == 2:
                maximumAge = Int(parts[1].filter { $0 != "\"" && $0 != " " })
            default: break
            }
        }
        guard let maximumAge else { return nil }
        let age = first(name: "Age").flatMap { Int($0) } ?? 0
        // The upper limit only prevents an overflow.
        return .seconds(Swift.min(Swift.max(maximumAge - Swift.max(age, 0), 0), 366 * 86_400))
    }
}
