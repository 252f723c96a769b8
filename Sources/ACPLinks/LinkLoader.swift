// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Loads the resources of URLs that callers have sent, over HTTP, with protection against server-side request forgery.
///
/// ```swift
/// let loader = LinkLoader(configuration: LinkConfiguration(maximumBytes: 1_048_576), logger: logger)
/// let resource = try await loader.load(ResourceRequest(url: url, session: session, purpose: .content))
/// ```
///
/// - **Allowed URLs.** `http` and `https` URLs without credentials whose host is public at the time of the request. All
///   addresses of the host are checked, and the connection is made to a checked address, so that a later DNS response
///   cannot lead to another address. ``LinkConfiguration`` can allow more. Redirects are followed on the same host
///   only. No cookies, credentials or other headers of the caller are sent.
/// - **Limits.** Size, time, redirects, concurrent loads in total and per host: see ``LinkConfiguration``. Compressed
///   responses are rejected, because their size is unknown before they are decompressed.
/// - **Errors.** Every failure is a `LinkError`. Its message names the cause and the remedy, and shows neither an
///   address of this machine's network nor the query of a URL.
///
/// Several readers of one URL share one load. It continues while at least one of them waits, until its timeout.
/// Responses are cached for as long as their server allows.
///
/// Run the loader as a service, or call ``close()`` when it is no longer needed.
public final class LinkLoader: ResourceLoader, Service {
    fileprivate typealias Reader = CheckedContinuation<LoadedResource, any Error>

    fileprivate struct Load {
        let url: LinkURL
        let purpose: ResourceRequest.Purpose
        /// The cache key. Messages have separate keys, because they are cached for longer than states and contents.
        var key: String { purpose == .message ? "message \(url)" : "\(url)" }
        var readers: [Int: Reader] = [:]
        var timer: Scheduled<Void>?
    }

    fileprivate struct State {
        var cache: LinkCache
        var limiter: LoadLimiter
        var loads: [Int: Load] = [:]
        var current: [String: Int] = [:]
        /// The tasks of all loads, including abandoned ones, until they have ended.
        var tasks: [Int: Task<Void, Never>] = [:]
        var lastID = 0
        var isClosed = false
    }

    private let configuration: LinkConfiguration
    private let fetcher: LinkFetcher
    private let logger: Logger
    private let state: Mutex<State>

    /// Creates a loader. It makes no connection before something is loaded.
    ///
    /// - Parameters:
    ///   - configuration: What may be loaded, and the limits. Defaults to public addresses.
    ///   - logger: Receives a message of level `debug` for each load that fails.
    public convenience init(
        configuration: LinkConfiguration = LinkConfiguration(), logger: Logger = Logger(label: "acp.links")
    ) {
        self.init(configuration: configuration, logger: logger, resolver: SystemResolver())
    }

    init(
        configuration: LinkConfiguration, logger: Logger, resolver: any HostResolver,
        tls: TLSConfiguration = .makeClientConfiguration()
    ) {
        self.configuration = configuration
        self.logger = logger
        fetcher = LinkFetcher(
            configuration: configuration, addressCache: AddressCache(resolver: resolver),
            connections: LinkConnections(configuration: configuration, tls: tls))
        state = Mutex(
            State(
                cache: LinkCache(byteLimit: configuration.cacheBytes, entryLimit: configuration.cacheEntries),
                limiter: LoadLimiter(limit: configuration.maximumLoads, hostLimit: configuration.maximumLoadsPerHost)))
    }

    /// Loads the resource of a URL.
    ///
    /// - Throws: `LinkError`, with code `unavailable` once the loader is closed; `CancellationError` if the calling
    ///   task is cancelled.
    public func load(_ request: ResourceRequest) async throws -> LoadedResource {
        let url = try LinkURL(request.url)
        let reader = state.withLock { $0.makeID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                read(url, for: request.purpose, as: reader, continuation)
            }
        } onCancel: {
            cancel(reader)
        }
    }

    /// The numbers of waiting readers and of running loads, for tests.
    var readers: Int { state.withLock { $0.loads.values.reduce(0) { $0 + $1.readers.count } } }
    var running: Int { state.withLock { $0.limiter.running } }

    /// Runs until the graceful shutdown, then closes the loader.
    public func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    /// Cancels the running loads and closes the connections. Nothing can be loaded afterwards.
    public func close() async {
        let (tasks, readers, timers) = state.withLock { state in
            state.isClosed = true
            defer {
                state.loads = [:]
                state.current = [:]
            }
            let loads = state.loads.values
            return (Array(state.tasks.values), loads.flatMap(\.readers.values), loads.compactMap(\.timer))
        }
        for timer in timers { timer.cancel() }
        for reader in readers { reader.resume(throwing: LinkError.closed) }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        await fetcher.connections.close()
    }

    // MARK: - Readers

    private func read(_ url: LinkURL, for purpose: ResourceRequest.Purpose, as reader: Int, _ continuation: Reader) {
        let load = Load(url: url, purpose: purpose, readers: [reader: continuation])
        let key = load.key
        let outcome = state.withLock { state -> Result<LoadedResource, any Error>? in
            // A later cancellation removes the reader with `cancel(_:)`.
            if Task.isCancelled { return .failure(CancellationError()) }
            if state.isClosed { return .failure(LinkError.closed) }
            if let resource = state.cache.resource(for: key, now: .now) { return .success(resource) }
            if let id = state.current[key] {
                state.loads[id]?.readers[reader] = continuation
                return nil
            }
            guard state.limiter.waiting < max(1, configuration.maximumWaitingLoads) else {
                return .failure(
                    LinkError(.overloaded, "\(url.shown) was not loaded: too many loads are waiting. Try again later"))
            }
            let id = state.makeID()
            state.loads[id] = load
            state.current[key] = id
            state.loads[id]?.timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(
                in: TimeAmount(configuration.timeout)
            ) { [self] in expire(id) }
            if state.limiter.acquire(id, host: url.hostText) { start(id, &state) }
            return nil
        }
        if let outcome { continuation.resume(with: outcome) }
    }

    private func cancel(_ reader: Int) {
        let (continuation, abandoned) = state.withLock { state -> (Reader?, Abandoned?) in
            guard let (id, load) = state.loads.first(where: { $0.value.readers[reader] != nil }) else {
                return (nil, nil)
            }
            let continuation = state.loads[id]?.readers.removeValue(forKey: reader)
            return (continuation, load.readers.count == 1 ? state.abandon(id) : nil)
        }
        continuation?.resume(throwing: CancellationError())
        abandoned?.end()
    }

    private func expire(_ id: Int) {
        let abandoned = state.withLock { $0.abandon(id) }
        guard let abandoned else { return }
        let error = LinkError(
            .timedOut, "\(abandoned.load.url.shown) was not loaded: it took longer than \(configuration.timeout)")
        log(error, of: abandoned.load.url)
        for reader in abandoned.load.readers.values { reader.resume(throwing: error) }
        abandoned.end()
    }

    // MARK: - Loads

    private func start(_ id: Int, _ state: inout State) {
        guard let load = state.loads[id] else { return }
        // Unstructured because several readers share it. It is removed by `finish` when it has ended, and cancelled at
        // its timeout, when no reader waits for it any more, and by `close`, which waits for it.
        state.tasks[id] = Task { [self] in
            do {
                finish(id, load, .success(try await fetcher.fetch(load.url)))
            } catch {
                log(error, of: load.url)
                finish(id, load, .failure(error))
            }
        }
    }

    private func finish(_ id: Int, _ load: Load, _ outcome: Result<LinkFetcher.Fetched, any Error>) {
        let finished = state.withLock { state -> Load? in
            state.tasks[id] = nil
            for next in state.limiter.release(host: load.url.hostText) where !state.isClosed { start(next, &state) }
            guard let finished = state.loads.removeValue(forKey: id) else { return nil }
            state.current[load.key] = nil
            if case .success(let fetched) = outcome {
                let defaultLifetime: Duration = finished.purpose == .message ? configuration.cacheLifetime : .zero
                let lifetime = fetched.lifetime ?? defaultLifetime
                if lifetime > .zero {
                    state.cache.keep(fetched.resource, for: load.key, until: .now + lifetime)
                }
            }
            return finished
        }
        finished?.timer?.cancel()
        for reader in finished?.readers.values.map({ $0 }) ?? [] { reader.resume(with: outcome.map(\.resource)) }
    }

    private func log(_ error: any Error, of url: LinkURL) {
        guard let error = error as? LinkError else { return }
        logger.debug(
            "a link was not loaded",
            metadata: [
                "url": "\(url.shown)", "reason": "\(error)", "cause": "\(error.cause.map { "\($0)" } ?? "none")",
            ])
    }

    fileprivate struct Abandoned {
        let load: Load
        let task: Task<Void, Never>?

        func end() {
            load.timer?.cancel()
            task?.cancel()
        }
    }
}

extension LinkLoader.State {
    fileprivate mutating func makeID() -> Int {
        lastID += 1
        return lastID
    }

    /// Removes a load that has no readers. A running load counts towards the limits until it has ended.
    fileprivate mutating func abandon(_ id: Int) -> LinkLoader.Abandoned? {
        guard let load = loads.removeValue(forKey: id) else { return nil }
        current[load.key] = nil
        _ = limiter.cancel(id)
        return LinkLoader.Abandoned(load: load, task: tasks[id])
    }
}
