// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A server on a loopback port that sends scripted responses, including faults.
public final class ScriptedServer: Sendable {
    /// A request as it arrived.
    public struct Seen: Sendable {
        /// The method and the path with its query.
        public var line: String
        /// The headers.
        public var headers: HTTPFields
        /// The body.
        public var body: [UInt8]
        /// Waits until the server ends, for responses that never arrive.
        public var hang: @Sendable () async -> Void
    }

    /// Returns the response to one request.
    public typealias Handler = @Sendable (Seen) async throws -> Response

    private let handlers: Mutex<[Handler]>
    private let requests = Mutex<[Seen]>([])
    private let end = Gate()

    /// The first handler responds to the first request, and so on; the last one responds to all further requests.
    public init(_ handlers: [Handler]) { self.handlers = Mutex(handlers) }

    /// What has arrived so far.
    public var seen: [Seen] { requests.withLock { $0 } }
    /// The methods and paths of what has arrived so far.
    public var lines: [String] { seen.map(\.line) }

    /// Serves while the body runs, which receives the URL.
    public func serveAtURL<Result: Sendable>(
        _ body: @escaping @Sendable (String) async throws -> Result
    ) async throws -> Result {
        var logger = Logger(label: "scripted-server")
        logger.logLevel = .critical
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            responder: CallbackResponder { (request: Request, _: BasicRequestContext) in
                try await self.answer(request)
            },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                if let number = channel.localAddress?.port { port.yield(number) }
                port.finish()
            },
            logger: logger
        )
        let services = ServiceGroup(configuration: .init(services: [.init(service: application)], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await services.run() }
            guard let number = await ports.first(where: { _ in true }) else { throw CancellationError() }
            let outcome: Swift.Result<Result, any Error>
            do {
                outcome = .success(try await body("http://127.0.0.1:\(number)"))
            } catch {
                outcome = .failure(error)
            }
            await end.open()
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            return try outcome.get()
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 24)
        let seen = Seen(
            line: "\(request.method.rawValue) \(request.uri.description)", headers: request.headers,
            body: Array(body.readableBytesView), hang: { [end] in await end.wait() })
        requests.withLock { $0.append(seen) }
        let handler = handlers.withLock { handlers in
            handlers.count > 1 ? handlers.removeFirst() : handlers[0]
        }
        return try await handler(seen)
    }
}

/// Holds tasks back until it is opened.
private actor Gate {
    private var isOpen = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiters.append($0) }
    }

    func open() {
        isOpen = true
        for waiter in waiters { waiter.resume() }
        waiters = []
    }
}
