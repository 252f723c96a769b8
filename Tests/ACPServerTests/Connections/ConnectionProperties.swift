// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Logging
import Metrics
import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import ACPServer

/// Sends bytes to a connection, in one piece and in small ones. Each request that is passed to a route receives exactly one
/// response, in order; nothing after an error is taken for a request; and no request is passed on whose end could be read in
/// several ways.
///
/// - Parameter input: The first byte chooses when the route responds, the second is the size of the pieces, the rest is what
///   the client sends.
func checkConnection(_ input: [UInt8]) throws {
    guard input.count > 2 else { return }
    let time = RecordingRoute.ResponseTime.allCases[Int(input[0]) % RecordingRoute.ResponseTime.allCases.count]
    let bytes = Array(input[2...])
    let size = Int(input[1]) % 32 + 1
    let pieces = stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
    let whole = try ConnectionTrial(time).outcome(of: [bytes])
    let divided = try ConnectionTrial(time).outcome(of: pieces)
    if time == .atEnd { try demand(whole == divided, "the pieces matter: \(whole), and \(divided)") }
}

/// A connection without a network.
private struct ConnectionTrial {
    struct Outcome: Equatable {
        var requests: [RecordingRoute.Request]
        var statuses: [UInt]
    }

    private let channel = EmbeddedChannel()
    private let driver: ConnectionDriver
    private let route: RecordingRoute
    private let halfClosure = HalfClosureHandler()

    init(_ time: RecordingRoute.ResponseTime) throws {
        let limits = ConnectionState.Limits(
            head: .hours(1), bodyGrace: .hours(1), bodyRate: 0, body: .hours(1), idle: .hours(1), drain: .hours(1),
            drainBytes: 512)
        let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        driver = ConnectionDriver(
            limits: limits, writeTimeout: .hours(1), admission: .full,
            metrics: ServerMetrics(NOOPMetricsHandler.instance), logger: logger)
        route = RecordingRoute(time, driver)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ConnectionBytesHandler(driver: driver))
        // Small limits, so that the fuzzer reaches them.
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = 256
        decoderLimits.maxHeaderListSize = 512
        decoderLimits.maxHeaderFieldCount = 16
        try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
            withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoderLimits)
        try driver.addMessagesHandler(to: pipeline)
        try pipeline.addHandler(halfClosure, position: .first)
        try pipeline.addHandler(route)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    func outcome(of pieces: [[UInt8]]) throws -> Outcome {
        // Not by closing the channel: the connection would wait for its client, which never closes.
        defer {
            halfClosure.close()
            channel.embeddedEventLoop.run()
        }
        for piece in pieces where channel.isActive { try channel.writeInbound(ByteBuffer(bytes: piece)) }
        route.respondToAll()
        if let violation = route.violation { throw violation }
        var output: [UInt8] = []
        while let data = try channel.readOutbound(as: IOData.self) {
            if case .byteBuffer(let buffer) = data { output += Array(buffer.readableBytesView) }
        }
        let statuses = try Self.statuses(in: output, route)
        return Outcome(requests: route.requests, statuses: statuses)
    }

    /// Reads the responses without the parser that reads requests.
    private static func statuses(in output: [UInt8], _ route: RecordingRoute) throws -> [UInt] {
        var rest = String(decoding: output, as: UTF8.self)[...]
        var statuses: [UInt] = []
        var served: [Int] = []
        while !rest.isEmpty {
            guard let end = rest.firstRange(of: "\r\n\r\n") else { throw PropertyViolation("a response has no end") }
            let lines = rest[..<end.lowerBound].split(separator: "\r\n")
            rest = rest[end.upperBound...]
            guard let first = lines.first, first.hasPrefix("HTTP/1."), first.utf8.count >= 12,
                let status = UInt(first.dropFirst(9).prefix(3))
            else { throw PropertyViolation("a response has no status") }
            if status == 100 { continue }
            statuses.append(status)
            func value(_ name: String) -> Int? {
                lines.first { $0.lowercased().hasPrefix("\(name): ") }.flatMap { Int($0.dropFirst(name.count + 2)) }
            }
            guard let length = value("content-length") else { throw PropertyViolation("a response has no length") }
            guard let index = value("x-index") else {
                // The response of the connection itself, which ends it.
                try demand((400...599).contains(status), "a rejection has the status \(status)")
                try demand(
                    rest.isEmpty || rest.utf8.count == length, "something follows the response that ends the connection"
                )
                break
            }
            served.append(index)
            if route.requests[index].method != .HEAD { rest = rest.dropFirst(length) }
        }
        try demand(
            served == Array(0..<served.count), "the responses are not those of the requests in their order: \(served)")
        try demand(
            served.count == route.requests.count(where: \.hasResponse),
            "\(served.count) responses to \(route.requests.count(where: \.hasResponse)) requests")
        return statuses
    }
}

/// Closes only the output, as a socket does. An embedded channel would close everything.
private final class HalfClosureHandler: ChannelOutboundHandler {
    typealias OutboundIn = IOData

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Closes the channel as a failing network does.
    func close() { context?.close(promise: nil) }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        promise?.succeed()
    }
}

/// A route that records requests and responds to each of them.
private final class RecordingRoute: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    enum ResponseTime: CaseIterable {
        /// When the request is complete.
        case atEnd
        /// Before its body is read.
        case atHead
        /// When all bytes have arrived.
        case late
    }

    struct Request: Equatable {
        let method: HTTPMethod
        let uri: String
        var body: [UInt8] = []
        var isComplete = false
        var hasFailed = false
        var hasResponse = false
    }

    private let time: ResponseTime
    private let driver: ConnectionDriver
    private(set) var requests: [Request] = []
    private(set) var violation: PropertyViolation?
    private var hasFailed = false
    private var context: ChannelHandlerContext?

    init(_ time: ResponseTime, _ driver: ConnectionDriver) {
        self.time = time
        self.driver = driver
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            note(hasFailed, "a request follows an error")
            note(driver.state.isDiscarding, "a request follows the last response")
            note(requests.last?.isComplete == false, "a request begins in another one")
            note(!Self.isUnambiguous(head), "the end of a request is ambiguous: \(head)")
            requests.append(Request(method: head.method, uri: head.uri))
            if head.headers.contains(name: "expect"), time != .atHead {
                context.triggerUserOutboundEvent(BodyReadStarted(), promise: nil)
            }
            if time == .atHead { respond(requests.count - 1) }
        case .body(let buffer):
            note(requests.last?.isComplete ?? true, "a body belongs to no request")
            if !requests.isEmpty { requests[requests.count - 1].body += Array(buffer.readableBytesView) }
        case .end:
            note(requests.last?.isComplete ?? true, "an end belongs to no request")
            if !requests.isEmpty { requests[requests.count - 1].isComplete = true }
            if time == .atEnd { respond(requests.count - 1) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        hasFailed = true
        guard let last = requests.last, !last.isComplete else { return }
        requests[requests.count - 1].hasFailed = true
        if time == .atEnd { respond(requests.count - 1) }
    }

    /// Responds to all requests that have no response yet and are complete or have failed.
    func respondToAll() {
        for index in requests.indices where requests[index].isComplete || requests[index].hasFailed { respond(index) }
    }

    private func respond(_ index: Int) {
        guard requests.indices.contains(index), !requests[index].hasResponse, let context else { return }
        requests[index].hasResponse = true
        let status: HTTPResponseStatus = requests[index].hasFailed ? .badRequest : .ok
        let head = HTTPResponseHead(
            version: .http1_1, status: status, headers: ["Content-Length": "2", "X-Index": "\(index)"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if requests[index].method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "ok")))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func note(_ isViolated: Bool, _ text: @autoclosure () -> String) {
        if isViolated, violation == nil { violation = PropertyViolation(text()) }
    }

    /// Whether all servers and proxies find the same end of a request, and the same host.
    private static func isUnambiguous(_ head: HTTPRequestHead) -> Bool {
        let lengths = head.headers["content-length"]
        let encodings = head.headers["transfer-encoding"]
        let hosts = head.headers["host"]
        return (lengths.isEmpty || encodings.isEmpty) && lengths.count <= 1
            && lengths.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
            && encodings.count <= 1
            && encodings.allSatisfy { $0.trimmingPrefix(while: \.isWhitespace).lowercased() == "chunked" }
            && (hosts.count == 1 || (hosts.isEmpty && head.version == .http1_0))
    }
}
