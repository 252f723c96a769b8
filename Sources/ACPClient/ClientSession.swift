// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
import Synchronization

/// Runs agents in one session: each run continues the session of the previous one.
///
/// ```swift
/// let session = client.session()
/// _ = try await session.run(agent: "counter", input: "")
/// print(try await session.run(agent: "counter", input: "").text)  // Count: 2
/// ```
///
/// A session without an id takes that of its first run. Runs that start before the first one has returned would each
/// create another session: wait for the first run, or choose an id, `client.session(SessionID())`.
///
/// ## Another server
///
/// A session can move to another ACP server of any implementation, and back:
///
/// ```swift
/// try await session.move(to: other)
/// _ = try await session.run(agent: "writer", input: "Sum up what was said.")
/// try await session.move(to: client)
/// ```
///
/// The next run sends the session's descriptor. The messages remain on their server: the agents of the other server
/// load them from there. Therefore the servers must be able to reach each other at the URLs in their descriptors.
public final class ClientSession: Sendable {
    private let state: Mutex<State>

    private struct State {
        var client: ACPClient
        var id: SessionID?
        /// The descriptor to send with the next run. `nil` if the server has accepted it.
        var unsentDescriptor: SessionDescriptor?
        /// The descriptor that was sent last.
        var sentDescriptor: SessionDescriptor?
        /// The clients of the servers where the session was before, which renew the signatures of their URLs.
        var previousClients: [ACPClient] = []
    }

    init(client: ACPClient, id: SessionID?, descriptor: SessionDescriptor?) {
        state = Mutex(State(client: client, id: id, unsentDescriptor: descriptor))
    }

    /// The client of the server that executes the session's runs.
    public var client: ACPClient { state.withLock(\.client) }

    /// The session's id. `nil` until the first run of a session without an id.
    public var id: SessionID? { state.withLock(\.id) }

    // MARK: - Runs

    /// Runs an agent in this session and waits for the result. See ``ACPClient/run(agent:input:session:)``.
    public func run(agent: AgentName, input: some RunInput) async throws -> Run {
        let (client, request) = try await request(agent, input)
        return accept(try await client.run(request), request)
    }

    /// Starts a run in this session and returns at once. See ``ACPClient/start(agent:input:session:)``.
    public func start(agent: AgentName, input: some RunInput) async throws -> Run {
        let (client, request) = try await request(agent, input)
        return accept(try await client.start(request), request)
    }

    /// Runs an agent in this session and streams its events. See ``ACPClient/stream(agent:input:session:)``.
    ///
    /// A new session takes its id from the stream's first event.
    public func stream(agent: AgentName, input: some RunInput) async throws -> RunStream {
        let (client, request) = try await request(agent, input)
        let stream = try await client.stream(request, session: self)
        accept(request)
        return stream
    }

    // MARK: - Messages

    /// Returns the current descriptor of the session, which contains the URLs of its messages and its state.
    ///
    /// - Returns: The descriptor, or `nil` if the session has no id yet.
    public func descriptor() async throws -> SessionDescriptor? {
        let (client, id, unsentDescriptor, previousClients) = state.withLock {
            ($0.client, $0.id, $0.unsentDescriptor, $0.previousClients)
        }
        guard let id else { return nil }
        let descriptor: SessionDescriptor
        // Before its first run of this session, the server does not have the descriptor.
        if let unsentDescriptor {
            descriptor = unsentDescriptor
        } else {
            descriptor = try await client.sessionDescriptor(id)
        }
        return await renewed(descriptor, by: previousClients)
    }

    /// Returns the session's messages, oldest first, or an empty array if the session has no id yet.
    ///
    /// - Parameter limit: The maximum number of messages, of which the newest are returned. If `nil`, all are returned.
    public func messages(limit: Int? = nil) async throws -> [Message] {
        let (client, id, unsentDescriptor) = state.withLock { ($0.client, $0.id, $0.unsentDescriptor) }
        guard let id else { return [] }
        if let unsentDescriptor { return try await client.messages(of: unsentDescriptor, limit: limit) }
        return try await client.messages(of: id, limit: limit)
    }

    /// Returns a sequence of the session's messages, oldest first, which are read page by page. It is empty if the
    /// session has no id yet.
    public func messageStream() -> SessionMessages {
        let (client, id, unsentDescriptor) = state.withLock { ($0.client, $0.id, $0.unsentDescriptor) }
        if let unsentDescriptor { return client.messageStream(of: unsentDescriptor) }
        return id.map { client.messageStream(of: $0) } ?? SessionMessages(client: client, origin: .urls([]))
    }

    // MARK: - Moving and deleting

    /// Moves the session to another server, beginning with the next run.
    ///
    /// The method fetches the session's descriptor from the current server. Active runs are not part of it yet: call
    /// the method between runs. If it throws, the session remains on the current server.
    ///
    /// - Parameter other: A client of the other server. It can be a server where the session was before.
    public func move(to other: ACPClient) async throws {
        guard other.url != client.url else { return state.withLock { $0.client = other } }
        let descriptor = try await descriptor()
        state.withLock { state in
            let present = state.client.url
            state.previousClients.removeAll { $0.url == other.url || $0.url == present }
            if state.id != nil { state.previousClients.append(state.client) }
            state.client = other
            state.unsentDescriptor = descriptor
            state.sentDescriptor = nil
        }
    }

    /// Deletes the session on the current server, if it has an id. The next run creates a new session.
    public func delete() async throws {
        guard let id else { return }
        try await client.deleteSession(id)
        state.withLock { $0 = State(client: $0.client) }
    }

    func adopt(_ id: SessionID) {
        state.withLock { if $0.id == nil { $0.id = id } }
    }

    /// Records that the server has accepted a run, and with it the descriptor of the request.
    private func accept(_ request: RunCreateRequest) {
        guard let sent = request.session else { return }
        state.withLock { state in
            if state.unsentDescriptor == sent { state.unsentDescriptor = nil }
            state.sentDescriptor = sent
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
        try await renewLinks()
        return state.withLock { state in
            let request = RunCreateRequest(
                agentName: agent, input: input.inputMessages, sessionID: state.id, session: state.unsentDescriptor)
            return (state.client, request)
        }
    }

    // MARK: - Signed URLs

    /// Schedules sending a descriptor with renewed URLs, if those that were sent expire soon.
    private func renewLinks() async throws {
        let (sentDescriptor, unsentDescriptor, previousClients) = state.withLock {
            ($0.sentDescriptor, $0.unsentDescriptor, $0.previousClients)
        }
        guard let told = unsentDescriptor ?? sentDescriptor, let expires = told.expires, !previousClients.isEmpty else {
            return
        }
        guard Double(expires) < Date().timeIntervalSince1970 + Self.renewalMargin else { return }
        let fresh = await renewed(told, by: previousClients)
        guard fresh != told else { return }
        state.withLock { state in
            guard state.unsentDescriptor == unsentDescriptor, state.sentDescriptor == sentDescriptor else { return }
            state.unsentDescriptor = fresh
        }
    }

    /// Returns the descriptor with new signatures of the servers that have signed its URLs. Servers that cannot be
    /// reached are skipped, since their URLs may still be valid.
    private func renewed(_ descriptor: SessionDescriptor, by servers: [ACPClient]) async -> SessionDescriptor {
        guard descriptor.expires != nil, !servers.isEmpty else { return descriptor }
        let others = await withTaskGroup(of: SessionDescriptor?.self) { group in
            for server in servers { group.addTask { try? await server.sessionDescriptor(descriptor.id) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        return descriptor.refreshed(by: others.compactMap { $0 })
    }

    /// How many seconds before their expiry URLs are renewed, so that a run can start and read with them.
    private static let renewalMargin = 60.0
}
