// SPDX-License-Identifier: Apache-2.0

import ACPTracing
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Tracing

/// Logs one line per request: how it ended, and never what it contained.
struct RequestLogMiddleware<Context: RemoteAddressRequestContext>: RouterMiddleware {
    private let logger: Logger
    private let trustedProxies: TrustedProxies?

    init(_ configuration: ServerConfiguration, logger: Logger) {
        var logger = logger
        // The lines were asked for, whatever the level of other messages is.
        logger.logLevel = min(logger.logLevel, .info)
        self.logger = logger
        trustedProxies = configuration.trustedProxies
    }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let client = client(request, context)
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            let status = ErrorResponse(error).status
            log(
                RequestLine(request, RouteLabel.route(of: context), status, nil, client, RequestIdentity.principal),
                since: start, bytes: 0)
            throw error
        }
        let line = RequestLine(
            request, RouteLabel.route(of: context), response.status, response.headers[.runID], client,
            RequestIdentity.principal)
        guard response.body.contentLength == nil else {
            log(line, since: start, bytes: request.method == .head ? 0 : response.body.contentLength ?? 0)
            return response
        }
        let body = response.body
        response.body = ResponseBody { writer in
            let count = ByteCount()
            do {
                try await body.write(CountingWriter(base: writer, count: count))
            } catch {
                log(line, since: start, bytes: count.bytes, isAborted: true)
                throw error
            }
            log(line, since: start, bytes: count.bytes)
        }
        return response
    }

    private func log(_ line: RequestLine, since start: ContinuousClock.Instant, bytes: Int, isAborted: Bool = false) {
        var metadata = line.metadata
        metadata["duration"] = .stringConvertible(((ContinuousClock.now - start) / .microseconds(1)).rounded() / 1e6)
        metadata["bytes"] = .stringConvertible(bytes)
        if isAborted { metadata["aborted"] = .stringConvertible(true) }
        logger.log(level: line.level, "request", metadata: metadata)
    }

    /// Returns the address of the client. Behind a trusted proxy, that is the one that the proxy has seen.
    private func client(_ request: Request, _ context: Context) -> String? {
        let address = context.remoteAddress
        guard let trustedProxies, trustedProxies.includes(address),
            let forwarded = request.headers[values: .forwardedFor].last,
            let client = forwarded.split(separator: ",").last?.trimmingPrefix(while: { $0 == " " }),
            (2...64).contains(client.utf8.count),
            client.utf8.allSatisfy({ $0.isHexDigit || $0 == 0x2E || $0 == 0x3A || $0 == 0x5B || $0 == 0x5D })
        else { return address?.ipAddress }
        return String(client)
    }
}

/// What is logged of a request.
private struct RequestLine: Sendable {
    let metadata: Logger.Metadata
    let level: Logger.Level

    init(
        _ request: Request, _ route: String, _ status: HTTPResponse.Status, _ runID: String?, _ client: String?,
        _ principal: PrincipalID?
    ) {
        var metadata: Logger.Metadata = [
            "method": .string(RouteLabel.method(request.method)), "route": .string(route),
            "status": .stringConvertible(status.code),
        ]
        if let run = runID ?? Self.run(in: request.uri.path, route) { metadata["run_id"] = .string(run) }
        if let client { metadata["client"] = .string(client) }
        if let principal { metadata["principal"] = .string(principal.rawValue) }
        if let context = ServiceContext.current?.traceContext { metadata["trace_id"] = .string(context.traceID) }
        self.metadata = metadata
        // Probes come every few seconds.
        let isProbe = ["/ping", "/healthz", "/readyz", "/metrics"].contains { route.hasSuffix($0) }
        level = isProbe && status.kind == .successful ? .debug : .info
    }

    /// Returns the id of the run that a path names.
    private static func run(in path: String, _ route: String) -> String? {
        guard route.contains("{run_id}") else { return nil }
        let parts = zip(route.split(separator: "/"), path.split(separator: "/"))
        // A text that is no id may be anything.
        return parts.first { $0.0 == "{run_id}" }.flatMap { RunID(rawValue: String($0.1)) }?.rawValue
    }
}

/// The number of bytes of a body. Only the task that writes the body uses it.
private final class ByteCount {
    var bytes = 0
}

private struct CountingWriter: ResponseBodyWriter {
    var base: any ResponseBodyWriter
    let count: ByteCount

    mutating func write(_ buffer: ByteBuffer) async throws {
        count.bytes += buffer.readableBytes
        try await base.write(buffer)
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await base.finish(trailingHeaders) }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }
}
