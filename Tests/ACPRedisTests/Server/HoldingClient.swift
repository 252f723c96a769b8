// SPDX-License-Identifier: Apache-2.0

import ACPRedis
import ACPTestSupport
import Redis
import Synchronization

/// Holds back the replies that a run waits for, until a test releases them: this shows which commands wait for the
/// replies to others and which are in flight together, independently of timing.
final class HoldingClient: RedisStorageClient {
    private struct State {
        var isHolding = false
        var held: [(requests: [RedisRequest], continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let client: RedisClient
    private let state = Mutex(State())

    init(_ client: RedisClient) { self.client = client }

    /// The number of replies that were received and held back. A reply to several commands in one write counts once.
    var held: Int { state.withLock { $0.held.count } }

    /// Whether the reply to a command that contains this text is held back.
    func holds(_ text: String) -> Bool {
        state.withLock { $0.held.contains { $0.requests.contains { $0.contains(text) } } }
    }

    /// Holds back all replies from now on.
    func hold() { state.withLock { $0.isHolding = true } }

    /// Releases the replies that are held back now.
    func letThrough() { release { $0.isHolding } }

    /// Waits until the reply to a command that contains this text is held back. The agent's output is sent with the end
    /// of its run, unless a thread was free to send it while the agent was running: then that reply is released before.
    func reaches(_ text: String) async throws -> Bool {
        try await poll { self.held > 0 }
        if !holds(text) { letThrough() }
        return try await poll { self.holds(text) }
    }

    /// Releases all replies, also from now on.
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
    fileprivate func contains(_ text: String) -> Bool { texts.contains { $0.contains(text) } }

    /// Except for those that a process sends periodically.
    fileprivate var isOfRun: Bool { texts.contains { $0.hasPrefix("acp:") && !$0.hasPrefix("acp:process") } }

    private var texts: [String] { words.map { String(decoding: $0.bytes, as: UTF8.self) } }
}
