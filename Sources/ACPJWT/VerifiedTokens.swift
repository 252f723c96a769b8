// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// Tokens that were verified, by their hashes, in bounded memory.
///
/// They are in two generations. A token that is added belongs to the newer one. When that has half of the maximum, it
/// becomes the older one, and the previous older one is forgotten.
struct VerifiedTokens: Sendable {
    struct Entry: Sendable {
        let principal: Principal
        /// Until when the token is accepted, in seconds since 1970.
        let end: Double
        /// The generation of the keys by which the token was verified.
        let keys: Int
    }

    private let generationSize: Int
    private var newer: [TokenDigest: Entry] = [:]
    private var older: [TokenDigest: Entry] = [:]

    /// - Parameter maximum: The largest number of tokens. If 0, none are remembered.
    init(maximum: Int) { generationSize = maximum == 0 ? 0 : max(1, maximum / 2) }

    var count: Int { newer.count + older.count }

    /// Returns the principal of a token that is still valid.
    func principal(of token: TokenDigest, at now: Double, keys: Int) -> Principal? {
        guard let entry = newer[token] ?? older[token], entry.keys == keys, now < entry.end else { return nil }
        return entry.principal
    }

    mutating func insert(_ entry: Entry, for token: TokenDigest) {
        guard generationSize > 0 else { return }
        if newer.count >= generationSize {
            older = newer
            newer = [:]
        }
        newer[token] = entry
    }
}
