// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPTracing
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Tracing

/// Logs one line per request: how it ended, and never what it contained.
struct RequestLogMiddleware<Context: RemoteAddressRequestContext>: RouterMiddleware {
    private let logger: Logger
    /// The handler of the logger, if it writes JSON and adds nothing to it. Lines are passed to it without the metadata of
    /// a message, whose creation would take longer than writing the line.
    private let json: JSONLogHandler?
    private let trustedProxies: TrustedProxies?

    init(_ configuration: ServerConfiguration, logger: Logger) {
        var logger = logger
        // The lines were asked for, whatever the level of other messages is.
        logger.logLevel = min(logger.logLevel, .info)
        self.logger = logger
        json = (logger.handler as? JSONLogHandler).flatMap { $0.hasMetadata ? nil : $0 }
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
            request, RouteLabel.route(of: context), response.status, response.headers.value(of: .runID), client,
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
        let level = line.level
        guard level >= logger.logLevel else { return }
        let end = RequestLine.End(duration: ContinuousClock.now - start, bytes: bytes, isAborted: isAborted)
        if let json {
            json.log(level, "request") { writer throws(JSONFault) in
                try line.forEachValue(end) { name, value throws(JSONFault) in
                    try writer.member(named: name, value)
                }
            }
        } else {
            var metadata = Logger.Metadata(minimumCapacity: 10)
            line.forEachValue(end) { name, value in metadata[name] = value.metadata }
            logger.log(level: level, "request", metadata: metadata)
        }
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
    /// How the response has ended.
    struct End {
        let duration: Duration
        let bytes: Int
        let isAborted: Bool
    }

    let level: Logger.Level
    private let method: String
    private let route: String
    private let status: Int
    private let runID: String?
    private let client: String?
    private let principal: PrincipalID?
    private let traceID: String?

    /// Probes come every few seconds.
    private static let probes = ["/ping", "/healthz", "/readyz", "/metrics"]

    init(
        _ request: Request, _ route: String, _ status: HTTPResponse.Status, _ runID: String?, _ client: String?,
        _ principal: PrincipalID?
    ) {
        method = RouteLabel.method(request.method)
        self.route = route
        self.status = status.code
        self.runID = runID ?? Self.run(in: request.uri.path, route)
        self.client = client
        self.principal = principal
        traceID = ServiceContext.current?.traceContext?.traceID
        level = status.kind == .successful && Self.probes.contains { route.hasSuffix($0) } ? .debug : .info
    }

    /// Calls a closure with the names and values of the line, in the order of the names.
    func forEachValue<Failure: Error>(
        _ end: End, _ body: (String, JSONValue) throws(Failure) -> Void
    ) throws(Failure) {
        if end.isAborted { try body("aborted", .bool(true)) }
        try body("bytes", .integer(Int64(end.bytes)))
        if let client { try body("client", .string(client)) }
        try body("duration", .number((end.duration / .microseconds(1)).rounded() / 1e6))
        try body("method", .string(method))
        if let principal { try body("principal", .string(principal.rawValue)) }
        try body("route", .string(route))
        if let runID { try body("run_id", .string(runID)) }
        try body("status", .integer(Int64(status)))
        if let traceID { try body("trace_id", .string(traceID)) }
    }

    /// Returns the id of the run that a path names.
    private static func run(in path: String, _ route: String) -> String? {
        guard route.contains("{run_id}") else { return nil }
        let parts = zip(route.split(separator: "/"), path.split(separator: "/"))
        // A text that is no id may be anything.
        return parts.first { $0.0 == "{run_id}" }.flatMap { RunID(rawValue: String($0.1)) }?.rawValue
    }
}

extension JSONValue {
    /// The value of a ``RequestLine`` as metadata of a message.
    fileprivate var metadata: Logger.MetadataValue {
        switch self {
        case .string(let text): .string(text)
        case .integer(let value): .stringConvertible(Int(value))
        case .number(let value): .stringConvertible(value)
        case .bool(let value): .stringConvertible(value)
        default: .string("\(self)")
        }
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
