// SPDX-License-Identifier: Apache-2.0

import ACPRedis
import ACPTestSupport
import Redis
import Synchronization

/// Holds the answers back that a run waits for, until a test lets them through: so it shows which commands wait for the
/// answers of others and which are on their way together, however fast or slow everything is.
final class HoldingClient: RedisStorageClient {
    private struct State {
        var isHolding = false
        var held: [(requests: [RedisRequest], continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let client: RedisClient
    private let state = Mutex(State())

    init(_ client: RedisClient) { self.client = client }

    /// How many answers are there and held back. An answer to several commands in one write counts once.
    var held: Int { state.withLock { $0.held.count } }

    /// Whether the answer to a command is held back that says this somewhere.
    func holds(_ text: String) -> Bool {
        state.withLock { $0.held.contains { $0.requests.contains { $0.says(text) } } }
    }

    /// Holds all answers back from now on.
    func hold() { state.withLock { $0.isHolding = true } }

    /// Lets the answers through that are held back now.
    func letThrough() { release { $0.isHolding } }

    /// Waits until the answer to a command is held back that says this somewhere. What the agent said goes along with the end of
    /// its run, unless a thread was free to send it while the agent was at work: then that is let through before.
    func reaches(_ text: String) async throws -> Bool {
        try await poll { self.held > 0 }
        if !holds(text) { letThrough() }
        return try await poll { self.holds(text) }
    }

    /// Lets all answers through, from now on too.
    func end() { release { _ in false } }

    private func release(_ holdsOn: (State) -> Bool) {
        let held = state.withLock { state in
            state.isHolding = holdsOn(state)
            defer { state.held = [] }
            return state.held
        }
        for (_, continuation) in held { continuation.resume() }
    }

    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        let results = try await client.execute(requests)
        guard requests.contains(where: \.isOfRun) else { return results }
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                if state.isHolding { state.held.append((requests, continuation)) }
                return state.isHolding
            }
            if !isHeld { continuation.resume() }
        }
        return results
    }

    func events(on channel: String) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        try await client.events(on: channel)
    }
}

extension RedisRequest {
    fileprivate func says(_ text: String) -> Bool { texts.contains { $0.contains(text) } }

    /// Not one of those that a process sends every now and then by itself.
    fileprivate var isOfRun: Bool { texts.contains { $0.hasPrefix("acp:") && !$0.hasPrefix("acp:process") } }

    private var texts: [String] { words.map { String(decoding: $0.bytes, as: UTF8.self) } }
}
