// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// The connections to other servers: one HTTP client for each host and address, so that connections are made only to
/// checked addresses.
final class LinkConnections: Sendable {
    fileprivate struct Key: Hashable {
        var host: LinkURL.Host
        var address: IPAddress
    }

    fileprivate struct Entry {
        let client: HTTPClient
        var users = 0
        var use = 0
    }

    fileprivate struct State {
        var entries: [Key: Entry] = [:]
        var useCount = 0
        var isClosed = false
    }

    private let configuration: LinkConfiguration
    private let tls: TLSConfiguration
    /// The number of clients above which unused ones are shut down.
    private let limit = 32
    private let state = Mutex(State())

    init(configuration: LinkConfiguration, tls: TLSConfiguration = .makeClientConfiguration()) {
        self.configuration = configuration
        self.tls = tls
    }

    deinit {
        // Needed if ``close()`` was not called: clients remain alive until they are shut down.
        for entry in state.withLock({ $0.removeAll() }) { entry.shutdown { _ in } }
    }

    /// Shuts the clients down. Their running requests fail.
    func close() async {
        for client in state.withLock({ $0.removeAll() }) { try? await client.shutdown() }
    }

    /// Calls the body with a client that connects to one address, even if the host has other addresses by then.
    func withClient<Result: Sendable>(
        for host: LinkURL.Host, at address: IPAddress, _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        let key = Key(host: host, address: address)
        let client = try state.withLock { state in try state.acquire(key) { makeClient(for: host, at: address) } }
        defer {
            let unused = state.withLock { $0.release(key, limit: limit) }
            unused?.shutdown { _ in }
        }
        return try await body(client)
    }

    private func makeClient(for host: LinkURL.Host, at address: IPAddress) -> HTTPClient {
        var settings = HTTPClient.Configuration(
            tlsConfiguration: tls,
            // Each redirect is checked before it is followed.
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(configuration.connectTimeout)),
            // A few compressed bytes can expand to very many.
            decompression: .disabled)
        settings.httpVersion = .http1Only
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(1, configuration.maximumLoadsPerHost)
        settings.connectionPool.idleTimeout = .seconds(4)
        settings.connectionPool.retryConnectionEstablishment = false
        // Trace headers are not sent to other servers.
        settings.tracing.tracer = nil
        if case .name(let name) = host { settings.dnsOverride = [name: "\(address)"] }
        // Verifies that the connection has the checked address, before anything is sent.
        settings.http1_1ConnectionDebugInitializer = { channel in
            guard channel.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }) == address else {
                channel.close(promise: nil)
                return channel.eventLoop.makeFailedFuture(
                    LinkError(.refused, "the connection has another address than the one that was checked"))
            }
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        return HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: settings)
    }
}

extension LinkConnections.State {
    fileprivate mutating func acquire(_ key: LinkConnections.Key, _ make: () -> HTTPClient) throws -> HTTPClient {
        guard !isClosed else { throw LinkError.closed }
        useCount += 1
        var entry = entries[key] ?? LinkConnections.Entry(client: make())
        entry.users += 1
        entry.use = useCount
        entries[key] = entry
        return entry.client
    }

    /// - Returns: An unused client to shut down, or `nil` if there are not too many.
    fileprivate mutating func release(_ key: LinkConnections.Key, limit: Int) -> HTTPClient? {
        entries[key]?.users -= 1
        guard entries.count > limit,
            let oldest = entries.filter({ $0.value.users == 0 }).min(by: { $0.value.use < $1.value.use })
        else { return nil }
        return entries.removeValue(forKey: oldest.key)?.client
    }

    fileprivate mutating func removeAll() -> [HTTPClient] {
        isClosed = true
        defer { entries = [:] }
        return entries.values.map(\.client)
    }
}

extension LinkError {
    static let closed = LinkError(.unavailable, "nothing can be loaded: the server is shutting down")
}
