// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// The connections to other servers: one HTTP client for each host and address, so that a connection only ever leads to an
/// address that was checked.
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
    /// How many clients are kept that nobody uses.
    private let limit = 32
    private let state = Mutex(State())

    init(configuration: LinkConfiguration, tls: TLSConfiguration = .makeClientConfiguration()) {
        self.configuration = configuration
        self.tls = tls
    }

    deinit {
        // Where nobody has closed it. The clients stay alive by themselves until they are shut down.
        for entry in state.withLock({ $0.takeAll() }) { entry.shutdown { _ in } }
    }

    /// Shuts the clients down. What they do at that moment fails.
    func close() async {
        for client in state.withLock({ $0.takeAll() }) { try? await client.shutdown() }
    }

    /// Calls the body with a client that connects to one address, whatever the name of the host leads to by then.
    func withClient<Result: Sendable>(
        for host: LinkURL.Host, at address: IPAddress, _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        let key = Key(host: host, address: address)
        let client = try state.withLock { state in try state.take(key) { makeClient(for: host, at: address) } }
        defer {
            let superfluous = state.withLock { $0.giveBack(key, limit: limit) }
            superfluous?.shutdown { _ in }
        }
        return try await body(client)
    }

    private func makeClient(for host: LinkURL.Host, at address: IPAddress) -> HTTPClient {
        var settings = HTTPClient.Configuration(
            tlsConfiguration: tls,
            // Each hop is checked before it is followed.
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(configuration.connectTimeout)),
            // A few compressed bytes can become very many.
            decompression: .disabled)
        settings.httpVersion = .http1Only
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(1, configuration.maximumLoadsPerHost)
        settings.connectionPool.idleTimeout = .seconds(4)
        settings.connectionPool.retryConnectionEstablishment = false
        // Names of traces are nobody's business elsewhere.
        settings.tracing.tracer = nil
        if case .name(let name) = host { settings.dnsOverride = [name: "\(address)"] }
        // The client was told the address. This is the proof, before anything is sent.
        settings.http1_1ConnectionDebugInitializer = { channel in
            guard channel.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }) == address else {
                channel.close(promise: nil)
                return channel.eventLoop.makeFailedFuture(
                    LinkError(.refused, "a connection led to another address than the one that was checked"))
            }
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        return HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: settings)
    }
}

extension LinkConnections.State {
    fileprivate mutating func take(_ key: LinkConnections.Key, _ make: () -> HTTPClient) throws -> HTTPClient {
        guard !isClosed else { throw LinkError.closed }
        useCount += 1
        var entry = entries[key] ?? LinkConnections.Entry(client: make())
        entry.users += 1
        entry.use = useCount
        entries[key] = entry
        return entry.client
    }

    /// - Returns: A client that is not needed any more, if there are too many.
    fileprivate mutating func giveBack(_ key: LinkConnections.Key, limit: Int) -> HTTPClient? {
        entries[key]?.users -= 1
        guard entries.count > limit,
            let oldest = entries.filter({ $0.value.users == 0 }).min(by: { $0.value.use < $1.value.use })
        else { return nil }
        return entries.removeValue(forKey: oldest.key)?.client
    }

    fileprivate mutating func takeAll() -> [HTTPClient] {
        isClosed = true
        defer { entries = [:] }
        return entries.values.map(\.client)
    }
}

extension LinkError {
    static let closed = LinkError(.unavailable, "nothing is loaded any more: the server shuts down")
}
