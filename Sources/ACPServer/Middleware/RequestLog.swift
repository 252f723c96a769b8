// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPTracing
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Tracing

/// Logs one line per request: how it ended, and never what it contained.
struct RequestLog: Sendable {
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

    /// Logs a request when its response has been sent, or at once if the length of the response is known.
    ///
    /// - Parameters:
    ///   - route: The template of the route's path.
    ///   - address: The address of the connection.
    ///   - duration: The time until now.
    ///   - start: When the request has arrived.
    func didRespond(
        _ request: Request, _ route: String, _ response: inout Response, from address: SocketAddress?,
        after duration: Duration, since start: ContinuousClock.Instant
    ) {
        let line = RequestLine(
            request, route, response.status, response.headers.value(of: .runID), client(request, address),
            RequestIdentity.principal)
        guard response.body.contentLength == nil else {
            let bytes = request.method == .head ? 0 : response.body.contentLength ?? 0
            return log(line, .init(duration: duration, bytes: bytes, isAborted: false))
        }
        let body = response.body
        response.body = ResponseBody { writer in
            let count = ByteCount()
            do {
                try await body.write(CountingWriter(base: writer, count: count))
            } catch {
                log(line, .init(duration: .now - start, bytes: count.bytes, isAborted: true))
                throw error
            }
            log(line, .init(duration: .now - start, bytes: count.bytes, isAborted: false))
        }
    }

    /// Logs a request that has no response yet, because of an error with a status.
    func didFail(
        _ request: Request, _ route: String, _ status: HTTPResponse.Status, from address: SocketAddress?,
        after duration: Duration
    ) {
        let line = RequestLine(request, route, status, nil, client(request, address), RequestIdentity.principal)
        log(line, .init(duration: duration, bytes: 0, isAborted: false))
    }

    private func log(_ line: RequestLine, _ end: RequestLine.End) {
        let level = line.level
        guard level >= logger.logLevel else { return }
        if let json {
            json.log(level, "request") { line.write(end, to: &$0) }
        } else {
            var metadata = Logger.Metadata(minimumCapacity: 10)
            line.write(end, to: &metadata)
            logger.log(level: level, "request", metadata: metadata)
        }
    }

    /// Returns the address of the client. Behind a trusted proxy, that is the one that the proxy has seen.
    private func client(_ request: Request, _ address: SocketAddress?) -> String? {
        guard let trustedProxies, trustedProxies.includes(address),
            let forwarded = request.headers[values: .forwardedFor].last,
            let client = forwarded.split(separator: ",").last?.trimmingPrefix(while: { $0 == " " }),
            (2...64).contains(client.utf8.count),
            client.utf8.allSatisfy({ $0.isHexDigit || $0 == 0x2E || $0 == 0x3A || $0 == 0x5B || $0 == 0x5D })
        else { return address.flatMap(TrustedProxies.text(of:)) }
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

    /// Writes the members of the line, in the order of their names.
    func write(_ end: End, to members: inout some LineMembers) {
        if end.isAborted { members.add("aborted", true) }
        members.add("bytes", end.bytes)
        if let client { members.add("client", client) }
        members.add("duration", (end.duration / .microseconds(1)).rounded() / 1e6)
        members.add("method", method)
        if let principal { members.add("principal", principal.rawValue) }
        members.add("route", route)
        if let runID { members.add("run_id", runID) }
        members.add("status", status)
        if let traceID { members.add("trace_id", traceID) }
    }

    /// Returns the id of the run that a path names.
    private static func run(in path: String, _ route: String) -> String? {
        guard route.contains("{run_id}") else { return nil }
        let parts = zip(route.split(separator: "/"), path.split(separator: "/"))
        // A text that is no id may be anything.
        return parts.first { $0.0 == "{run_id}" }.flatMap { RunID(rawValue: String($0.1)) }?.rawValue
    }
}

/// The members of a line of the log, as JSON or as the metadata of a message.
private protocol LineMembers {
    mutating func add(_ name: JSONName, _ text: String)
    mutating func add(_ name: JSONName, _ number: Int)
    mutating func add(_ name: JSONName, _ number: Double)
    mutating func add(_ name: JSONName, _ isTrue: Bool)
}

extension JSONWriter: LineMembers {
    fileprivate mutating func add(_ name: JSONName, _ text: String) {
        key(name)
        string(text)
    }

    fileprivate mutating func add(_ name: JSONName, _ number: Int) {
        key(name)
        integer(number)
    }

    fileprivate mutating func add(_ name: JSONName, _ number: Double) {
        key(name)
        self.number(finite: number)
    }

    fileprivate mutating func add(_ name: JSONName, _ isTrue: Bool) {
        key(name)
        bool(isTrue)
    }
}

extension Logger.Metadata: LineMembers {
    fileprivate mutating func add(_ name: JSONName, _ text: String) { self[name.text] = .string(text) }

    fileprivate mutating func add(_ name: JSONName, _ number: Int) { self[name.text] = .stringConvertible(number) }

    fileprivate mutating func add(_ name: JSONName, _ number: Double) { self[name.text] = .stringConvertible(number) }

    fileprivate mutating func add(_ name: JSONName, _ isTrue: Bool) { self[name.text] = .stringConvertible(isTrue) }
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
