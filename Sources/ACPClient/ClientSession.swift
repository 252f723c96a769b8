// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Synchronization

/// Keeps a session across runs: each call continues where the last one ended.
///
/// ```swift
/// let session = client.session()
/// _ = try await session.run(agent: "counter", input: "")
/// print(try await session.run(agent: "counter", input: "").text)  // Count: 2
/// ```
///
/// A session that begins without an id takes that of its first run. Runs that are begun before that one has answered
/// would each begin a session of their own: wait for the first, or give the session an id, `client.session(SessionID())`.
public final class ClientSession: Sendable {
    public let client: ACPClient
    private let state: Mutex<State>

    private struct State {
        var id: SessionID?
        /// Sent along with every run: a server that knows the session already recognises its URLs.
        var descriptor: SessionDescriptor?
    }

    init(client: ACPClient, id: SessionID?, descriptor: SessionDescriptor?) {
        self.client = client
        state = Mutex(State(id: id, descriptor: descriptor))
    }

    /// The session's id, once it is known.
    public var id: SessionID? { state.withLock(\.id) }

    /// Runs an agent in this session. See ``ACPClient/run(agent:input:session:)``.
    public func run(agent: AgentName, input: some RunInput) async throws -> Run {
        adopt(try await client.run(request(agent, input)))
    }

    /// Runs an agent in this session and returns at once. See ``ACPClient/start(agent:input:session:)``.
    public func start(agent: AgentName, input: some RunInput) async throws -> Run {
        adopt(try await client.start(request(agent, input)))
    }

    /// Runs an agent in this session and gives its events. See ``ACPClient/stream(agent:input:session:)``.
    ///
    /// A new session learns its id from the stream's first event.
    public func stream(agent: AgentName, input: some RunInput) async throws -> RunStream {
        try await client.stream(request(agent, input), session: self)
    }

    /// Where the session's messages and its state can be read. Nil if the session has not begun.
    public func descriptor() async throws -> SessionDescriptor? {
        guard let id else { return nil }
        return try await client.sessionDescriptor(id)
    }

    /// The session's messages, oldest first. Empty if the session has not begun.
    public func messages(limit: Int? = nil) async throws -> [Message] {
        guard let descriptor = try await descriptor() else { return [] }
        return try await client.messages(of: descriptor, limit: limit)
    }

    /// Deletes the session, if it has begun. The next run begins a new one.
    public func delete() async throws {
        guard let id else { return }
        try await client.deleteSession(id)
        state.withLock { $0 = State() }
    }

    func adopt(_ id: SessionID) {
        state.withLock { if $0.id == nil { $0.id = id } }
    }

    private func adopt(_ run: Run) -> Run {
        if let id = run.sessionID { adopt(id) }
        return run
    }

    private func request(_ agent: AgentName, _ input: some RunInput) -> RunCreateRequest {
        state.withLock { state in
            RunCreateRequest(
                agentName: agent, input: input.inputMessages, sessionID: state.id, session: state.descriptor)
        }
    }
}
