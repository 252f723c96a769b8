// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Logging
import Synchronization

/// Has the current keys of an issuer, and loads them again when they are too old, or when an unknown one is needed.
final class KeyStore: Sendable {
    private struct State {
        var set: KeySet?
        /// The JSON of the set.
        var json: [UInt8] = []
        /// When the set was last loaded.
        var loadedAt: ContinuousClock.Instant?
        var lastAttempt: ContinuousClock.Instant?
        /// The attempt that is being made, for which all requests wait that need it.
        var attempt: Task<KeySet?, Never>?
    }

    private let keys: JWTKeys
    private let algorithms: Set<JWTConfiguration.Algorithm>
    private let load: @Sendable () async throws -> [UInt8]
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    init(
        _ keys: JWTKeys, _ algorithms: Set<JWTConfiguration.Algorithm>, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.keys = keys
        self.algorithms = algorithms
        self.logger = logger
        self.now = now
        load = keys.loader()
    }

    /// The generation of the current keys, which are loaded again in the background if they are due. `nil` if there are
    /// none, or they are too old to be used.
    var generation: Int? { usable?.generation }

    /// Returns the current keys.
    ///
    /// - Parameter id: The id of the key that is needed. If it is unknown, the keys are loaded again, unless that was tried a
    ///   short time ago.
    /// - Throws: ``AuthenticationUnavailable`` if there are no keys that can be used.
    func set(for id: String?) async throws(AuthenticationUnavailable) -> KeySet {
        if let set = usable, id.map(set.contains) ?? true { return set }
        if let attempt = beginAttempt() { _ = await attempt.value }
        guard let set = usable else { throw AuthenticationUnavailable("the keys of the issuer cannot be loaded") }
        return set
    }

    /// The keys, if they are not too old to be used.
    private var usable: KeySet? {
        let now = now()
        let (set, isDue) = state.withLock { state -> (KeySet?, Bool) in
            guard let set = state.set, let loadedAt = state.loadedAt, now - loadedAt < keys.maximumAge else {
                return (nil, false)
            }
            return (set, now - loadedAt >= keys.lifetime)
        }
        if isDue { _ = beginAttempt() }
        return set
    }

    /// Begins to load the keys, unless that was tried a short time ago.
    ///
    /// - Returns: The attempt, also if another request has begun it.
    private func beginAttempt() -> Task<KeySet?, Never>? {
        let now = now()
        return state.withLock { state in
            if let attempt = state.attempt { return attempt }
            if let last = state.lastAttempt, now - last < keys.minimumInterval { return nil }
            state.lastAttempt = now
            let generation = (state.set?.generation ?? 0) + 1
            // Unstructured because several requests wait for it, and none if the keys are only due. It ends by the timeout
            // of loading at the latest, and keeps nothing but this store alive.
            let attempt = Task { await self.attempt(generation) }
            state.attempt = attempt
            return attempt
        }
    }

    private func attempt(_ generation: Int) async -> KeySet? {
        do {
            let json = try await load()
            let (known, isSame) = state.withLock { ($0.set, $0.json == json) }
            // The same keys as before: tokens that were verified by them remain verified.
            let set =
                if let known, isSame { known } else {
                    try await KeySet(json: json, algorithms, generation: generation)
                }
            let now = now()
            state.withLock { state in
                (state.set, state.json, state.loadedAt, state.attempt) = (set, json, now, nil)
            }
            if known != nil, !isSame {
                logger.notice("the keys of the issuer have changed", metadata: ["keys": "\(set.keys.count)"])
            }
            return set
        } catch {
            state.withLock { $0.attempt = nil }
            logger.warning("the keys of the issuer could not be loaded", metadata: ["reason": "\(error)"])
            return nil
        }
    }
}
