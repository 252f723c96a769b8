// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
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
///
/// ## Another server
///
/// A session can go on at another server, of any make, and come back:
///
/// ```swift
/// try await session.move(to: other)
/// _ = try await session.run(agent: "writer", input: "Sum up what was said.")
/// try await session.move(to: client)
/// ```
///
/// The next run brings the session's descriptor along. The messages stay where they were said: the agents of the other server load
/// them from there. So the servers have to reach each other, and the URLs that they give out.
public final class ClientSession: Sendable {
    private let state: Mutex<State>

    private struct State {
        var client: ACPClient
        var id: SessionID?
        /// What the server has yet to be told of the session. Nil when it has taken it.
        var unsent: SessionDescriptor?
        /// Where the session comes from, as the server was told last.
        var brought: SessionDescriptor?
        /// Where the session was before: those servers renew the signatures of their URLs.
        var visited: [ACPClient] = []
    }

    init(client: ACPClient, id: SessionID?, descriptor: SessionDescriptor?) {
        state = Mutex(State(client: client, id: id, unsent: descriptor))
    }

    /// The server that runs go to.
    public var client: ACPClient { state.withLock(\.client) }

    /// The session's id, once it is known.
    public var id: SessionID? { state.withLock(\.id) }

    // MARK: - Runs

    /// Runs an agent in this session. See ``ACPClient/run(agent:input:session:)``.
    public func run(agent: AgentName, input: some RunInput) async throws -> Run {
        let (client, request) = try await request(agent, input)
        return accept(try await client.run(request), request)
    }

    /// Runs an agent in this session and returns at once. See ``ACPClient/start(agent:input:session:)``.
    public func start(agent: AgentName, input: some RunInput) async throws -> Run {
        let (client, request) = try await request(agent, input)
        return accept(try await client.start(request), request)
    }

    /// Runs an agent in this session and gives its events. See ``ACPClient/stream(agent:input:session:)``.
    ///
    /// A new session learns its id from the stream's first event.
    public func stream(agent: AgentName, input: some RunInput) async throws -> RunStream {
        let (client, request) = try await request(agent, input)
        let stream = try await client.stream(request, session: self)
        accept(request)
        return stream
    }

    // MARK: - What was said

    /// Where the session's messages and its state can be read, as it stands. Nil if the session has not begun.
    public func descriptor() async throws -> SessionDescriptor? {
        let (client, id, unsent, visited) = state.withLock { ($0.client, $0.id, $0.unsent, $0.visited) }
        guard let id else { return nil }
        let descriptor: SessionDescriptor
        // Before its first run here, this server knows nothing of what has been said since.
        if let unsent { descriptor = unsent } else { descriptor = try await client.sessionDescriptor(id) }
        return await renewed(descriptor, by: visited)
    }

    /// The session's messages, oldest first. Empty if the session has not begun.
    ///
    /// - Parameter limit: How many at most, the newest ones. Nil for all.
    public func messages(limit: Int? = nil) async throws -> [Message] {
        let (client, id, unsent) = state.withLock { ($0.client, $0.id, $0.unsent) }
        guard let id else { return [] }
        if let unsent { return try await client.messages(of: unsent, limit: limit) }
        return try await client.messages(of: id, limit: limit)
    }

    /// The session's messages, oldest first, without all of them being in memory. Empty if the session has not begun.
    public func messageStream() -> SessionMessages {
        let (client, id, unsent) = state.withLock { ($0.client, $0.id, $0.unsent) }
        if let unsent { return client.messageStream(of: unsent) }
        return id.map { client.messageStream(of: $0) } ?? SessionMessages(client: client, origin: .urls([]))
    }

    // MARK: - The session itself

    /// Lets the session go on at another server, beginning with the next run.
    ///
    /// Asks the present server where everything can be read; runs that are under way there are not part of it yet. Call it between
    /// runs. If it throws, the session stays where it is.
    ///
    /// - Parameter other: A client of the other server. It can be one where the session was before.
    public func move(to other: ACPClient) async throws {
        guard other.url != client.url else { return state.withLock { $0.client = other } }
        let descriptor = try await descriptor()
        state.withLock { state in
            let present = state.client.url
            state.visited.removeAll { $0.url == other.url || $0.url == present }
            if state.id != nil { state.visited.append(state.client) }
            state.client = other
            state.unsent = descriptor
            state.brought = nil
        }
    }

    /// Deletes the session at the present server, if it has begun. The next run begins a new one.
    public func delete() async throws {
        guard let id else { return }
        try await client.deleteSession(id)
        state.withLock { $0 = State(client: $0.client) }
    }

    func adopt(_ id: SessionID) {
        state.withLock { if $0.id == nil { $0.id = id } }
    }

    /// The server has taken a run: it knows now what it was told of the session.
    private func accept(_ request: RunCreateRequest) {
        guard let sent = request.session else { return }
        state.withLock { state in
            if state.unsent == sent { state.unsent = nil }
            state.brought = sent
        }
    }

    private func accept(_ run: Run, _ request: RunCreateRequest) -> Run {
        accept(request)
        if let id = run.sessionID { adopt(id) }
        return run
    }

    private func request(
        _ agent: AgentName, _ input: some RunInput
    ) async throws -> (client: ACPClient, request: RunCreateRequest) {
        try await bringFreshLinks()
        return state.withLock { state in
            let request = RunCreateRequest(
                agentName: agent, input: input.inputMessages, sessionID: state.id, session: state.unsent)
            return (state.client, request)
        }
    }

    // MARK: - Signed URLs

    /// Tells the server of URLs that can still be used, if those that it was told expire soon.
    private func bringFreshLinks() async throws {
        let (brought, unsent, visited) = state.withLock { ($0.brought, $0.unsent, $0.visited) }
        guard let told = unsent ?? brought, let expires = told.expires, !visited.isEmpty else { return }
        guard Double(expires) < Date().timeIntervalSince1970 + Self.spareTime else { return }
        let fresh = await renewed(told, by: visited)
        guard fresh != told else { return }
        state.withLock { state in
            guard state.unsent == unsent, state.brought == brought else { return }
            state.unsent = fresh
        }
    }

    /// The descriptor with new signatures, where the servers that gave them out give new ones. Those that cannot be asked now are
    /// left out: their URLs may still do.
    private func renewed(_ descriptor: SessionDescriptor, by servers: [ACPClient]) async -> SessionDescriptor {
        guard descriptor.expires != nil, !servers.isEmpty else { return descriptor }
        let others = await withTaskGroup(of: SessionDescriptor?.self) { group in
            for server in servers { group.addTask { try? await server.sessionDescriptor(descriptor.id) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        return descriptor.refreshed(by: others.compactMap { $0 })
    }

    /// How many seconds before it expires a URL is renewed: a run has to begin, and to read, with it.
    private static let spareTime = 60.0
}
