// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Loads over HTTP what URLs of callers point to, without letting them reach what only this machine can reach.
///
/// ```swift
/// let loader = LinkLoader(configuration: LinkConfiguration(maximumBytes: 1_048_576), logger: logger)
/// let resource = try await loader.load(ResourceRequest(url: url, session: session, purpose: .content))
/// ```
///
/// - **What is allowed.** `http` and `https` URLs without credentials whose host is public at the moment of the request. All
///   addresses of the host are checked, and the connection is made to a checked address, so that a name cannot lead to another
///   address afterwards. ``LinkConfiguration`` allows more. Redirects are followed on the same host only. No cookies,
///   credentials or other headers of the caller are sent.
/// - **Limits.** Size, time, redirects, loads at the same time in all and per host: see ``LinkConfiguration``. Compressed
///   responses are refused, because their size is not known before they are unpacked.
/// - **Errors.** Every failure is a `LinkError`. Its message names the cause and the remedy, and shows neither an address of
///   this machine's network nor the query of a URL.
///
/// Several readers of one URL share one load. It goes on for as long as one of them waits, until its time is up. Responses are
/// kept for as long as their server allows.
///
/// Run it as a service, or call ``close()`` in the end.
public final class LinkLoader: ResourceLoader, Service {
    fileprivate typealias Reader = CheckedContinuation<LoadedResource, any Error>

    fileprivate struct Load {
        let url: LinkURL
        let purpose: ResourceRequest.Purpose
        /// Messages apart from the rest: they are kept for longer, and what was read as a message once must not stand for a state.
        var key: String { purpose == .message ? "message \(url)" : "\(url)" }
        var readers: [Int: Reader] = [:]
        var timer: Scheduled<Void>?
    }

    fileprivate struct State {
        var cache: LinkCache
        var places: LinkPlaces
        var loads: [Int: Load] = [:]
        var current: [String: Int] = [:]
        /// Also those of loads that nobody waits for any more, until they have ended.
        var tasks: [Int: Task<Void, Never>] = [:]
        var lastID = 0
        var isClosed = false
    }

    private let configuration: LinkConfiguration
    private let fetcher: LinkFetcher
    private let logger: Logger
    private let state: Mutex<State>

    /// Makes a loader. It connects to nothing before something is loaded.
    ///
    /// - Parameters:
    ///   - configuration: What may be loaded, and its limits. Defaults to public addresses.
    ///   - logger: Gets a line at level `debug` for each load that fails.
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
            configuration: configuration, addressBook: AddressBook(resolver: resolver),
            connections: LinkConnections(configuration: configuration, tls: tls))
        state = Mutex(
            State(
                cache: LinkCache(byteLimit: configuration.cacheBytes, entryLimit: configuration.cacheEntries),
                places: LinkPlaces(limit: configuration.maximumLoads, hostLimit: configuration.maximumLoadsPerHost)))
    }

    /// Returns what a URL points to.
    ///
    /// - Throws: `LinkError`, with code `unavailable` once the loader is closed; `CancellationError` if the calling task is
    ///   cancelled.
    public func load(_ request: ResourceRequest) async throws -> LoadedResource {
        let url = try LinkURL(request.url)
        let reader = state.withLock { $0.makeID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                read(url, for: request.purpose, as: reader, continuation)
            }
        } onCancel: {
            leave(reader)
        }
    }

    /// How many readers wait, and how many loads are under way: for tests.
    var readers: Int { state.withLock { $0.loads.values.reduce(0) { $0 + $1.readers.count } } }
    var running: Int { state.withLock { $0.places.running } }

    /// Keeps the connections until the graceful shutdown, then closes them.
    public func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    /// Ends the loads that are under way, and closes the connections. Nothing can be loaded afterwards.
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
            // Whoever is cancelled from here on is taken out by `leave`.
            if Task.isCancelled { return .failure(CancellationError()) }
            if state.isClosed { return .failure(LinkError.closed) }
            if let resource = state.cache.resource(for: key, now: .now) { return .success(resource) }
            if let id = state.current[key] {
                state.loads[id]?.readers[reader] = continuation
                return nil
            }
            guard state.places.waiting < max(1, configuration.maximumWaitingLoads) else {
                return .failure(
                    LinkError(.overloaded, "\(url.shown) was not loaded: too much is being loaded. Try again later"))
            }
            let id = state.makeID()
            state.loads[id] = load
            state.current[key] = id
            state.loads[id]?.timer = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(
                in: TimeAmount(configuration.timeout)
            ) { [self] in expire(id) }
            if state.places.enter(id, host: url.hostText) { begin(id, &state) }
            return nil
        }
        if let outcome { continuation.resume(with: outcome) }
    }

    private func leave(_ reader: Int) {
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
            .timedOut, "\(abandoned.load.url.shown) was not loaded: that took longer than \(configuration.timeout)")
        log(error, of: abandoned.load.url)
        for reader in abandoned.load.readers.values { reader.resume(throwing: error) }
        abandoned.end()
    }

    // MARK: - Loads

    private func begin(_ id: Int, _ state: inout State) {
        guard let load = state.loads[id] else { return }
        // Unstructured because several readers share it. It is ended by `land` when it has come to its end, and cancelled
        // when its time is up, when nobody waits for it any more, and by `close`, which waits for it.
        state.tasks[id] = Task { [self] in
            do {
                land(id, load, .success(try await fetcher.fetch(load.url)))
            } catch {
                log(error, of: load.url)
                land(id, load, .failure(error))
            }
        }
    }

    private func land(_ id: Int, _ load: Load, _ outcome: Result<LinkFetcher.Fetched, any Error>) {
        let landed = state.withLock { state -> Load? in
            state.tasks[id] = nil
            for next in state.places.leave(host: load.url.hostText) where !state.isClosed { begin(next, &state) }
            guard let landed = state.loads.removeValue(forKey: id) else { return nil }
            state.current[load.key] = nil
            if case .success(let fetched) = outcome {
                let unsaid: Duration = landed.purpose == .message ? configuration.cacheLifetime : .zero
                let lifetime = fetched.lifetime ?? unsaid
                if lifetime > .zero {
                    state.cache.keep(fetched.resource, for: load.key, until: .now + lifetime)
                }
            }
            return landed
        }
        landed?.timer?.cancel()
        for reader in landed?.readers.values.map({ $0 }) ?? [] { reader.resume(with: outcome.map(\.resource)) }
    }

    private func log(_ error: any Error, of url: LinkURL) {
        guard let error = error as? LinkError else { return }
        logger.debug(
            "something was not loaded",
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

    /// Takes out a load that nobody waits for. One that is under way keeps its place until it has ended.
    fileprivate mutating func abandon(_ id: Int) -> LinkLoader.Abandoned? {
        guard let load = loads.removeValue(forKey: id) else { return nil }
        current[load.key] = nil
        _ = places.giveUp(id)
        return LinkLoader.Abandoned(load: load, task: tasks[id])
    }
}
