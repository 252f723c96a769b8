// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPTracing
import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import Tracing

/// Sends requests and reads responses for all calls of a client.
///
/// Requests and streams have separate connection pools, so that many open streams never prevent a cancellation from
/// being sent, and so that the idle timeout of streams does not end a long synchronous run.
package final class Transport: Sendable {
    /// The words of errors that depend on the protocol.
    package struct Wording: Sendable {
        /// The protocol, for log messages.
        package var protocolName = "ACP"
        /// The kind of server, with its article.
        package var server = "an ACP server"
        /// What to do if the response to a request with a body did not arrive in time.
        package var timeoutRemedy =
            "the server may have processed it; raise the timeout, or start the run and follow it"

        package init() {}
    }

    package let baseURL: BaseURL
    package let configuration: ACPClient.Configuration
    let wording: Wording
    private let requests: HTTPClient
    private let streams: HTTPClient
    private let ownsClients: Bool
    private let isClosed = Atomic(false)

    package init(
        baseURL: BaseURL, configuration: ACPClient.Configuration, httpClient: HTTPClient?,
        wording: Wording = Wording()
    ) throws(ACPClientError) {
        try Self.validate(configuration)
        self.baseURL = baseURL
        self.configuration = configuration
        self.wording = wording
        if let httpClient {
            requests = httpClient
            streams = httpClient
            ownsClients = false
        } else {
            var settings = HTTPClient.Configuration(
                tlsConfiguration: try configuration.tls.makeTLSConfiguration(),
                // A redirected POST would become a GET, and the token could be sent to another server.
                redirectConfiguration: .disallow,
                timeout: .init(connect: TimeAmount(clamping: configuration.timeouts.connect))
            )
            // With HTTP/2, all streams would share one connection, and wait when the server allows no more on it.
            settings.httpVersion = .http1Only
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.maximumConnections
            // Common servers close idle connections after five seconds. Closing them earlier avoids sending a request
            // that must not be repeated on a connection that is about to be closed.
            settings.connectionPool.idleTimeout = .seconds(4)
            settings.connectionPool.retryConnectionEstablishment = false
            if let tracer = configuration.tracer { settings.tracing.tracer = tracer }
            requests = HTTPClient(configuration: settings)
            settings.timeout.read = TimeAmount(clamping: configuration.timeouts.streamIdle)
            streams = HTTPClient(configuration: settings)
            ownsClients = true
        }
    }

    deinit {
        // HTTP clients remain alive until they are shut down.
        if ownsClients, !isClosed.load(ordering: .acquiring) {
            requests.shutdown { _ in }
            streams.shutdown { _ in }
        }
    }

    package func close() async throws {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing), ownsClients else { return }
        do {
            try await requests.shutdown()
            try await streams.shutdown()
        } catch {
            throw ACPClientError(.connectionLost, "the connections could not be closed gracefully", cause: error)
        }
    }

    /// The event loop for timers.
    package var eventLoop: any EventLoop { requests.eventLoopGroup.any() }

    // MARK: - Requests

    /// Sends a request and reads the whole response.
    ///
    /// - Throws: ``ACPClientError``, also for responses with an error status; `CancellationError` if the task is
    ///   cancelled.
    package func send(_ request: ClientRequest, timeout: Duration? = nil) async throws -> ClientResponse {
        let limit = timeout ?? configuration.timeouts.request
        let prepared = try prepare(request)
        do {
            return try await withDeadline(limit, on: eventLoop) {
                var response = try await self.execute(prepared, on: self.requests, for: request)
                if request.isIdempotent, response == nil {
                    // The server closed the connection while it was idle. An idempotent request can be sent again.
                    response = try await self.execute(prepared, on: self.requests, for: request)
                }
                guard let response else { throw HTTPClientError.remoteConnectionClosed }
                return try await self.complete(response, for: request)
            }
        } catch {
            throw map(error, during: request, limit: limit)
        }
    }

    /// Sends a request and decodes the response.
    func send<Value: Decodable>(
        _ request: ClientRequest, as type: Value.Type, timeout: Duration? = nil
    ) async throws -> Value {
        try decode(type, from: try await send(request, timeout: timeout), for: request)
    }

    /// Sends a request whose response is read piece by piece. Its head must arrive within the timeout of requests.
    package func open(_ request: ClientRequest) async throws -> HTTPClientResponse {
        let limit = configuration.timeouts.request
        let prepared = try prepare(request)
        do {
            try checkOpen()
            let response = try await streams.execute(
                prepared, deadline: .now() + TimeAmount(clamping: limit), logger: nil)
            log(request, response)
            if response.status.code / 100 != 2, !request.acceptsErrors { _ = try await collect(response, for: request) }
            return response
        } catch {
            throw map(error, during: request, limit: limit)
        }
    }

    /// Reads the whole body of a response.
    package func collect(_ response: HTTPClientResponse, for request: ClientRequest) async throws -> ClientResponse {
        let limit = configuration.timeouts.request
        do {
            return try await withDeadline(limit, on: eventLoop) {
                try await self.complete(response, for: request)
            }
        } catch {
            throw map(error, during: request, limit: limit)
        }
    }

    /// Decodes a response.
    ///
    /// - Throws: ``ACPClientError`` with code `invalidResponse`.
    func decode<Value: Decodable>(
        _ type: Value.Type, from response: ClientResponse, for request: ClientRequest
    ) throws -> Value {
        do {
            return try ACPJSON.decode(type, from: response.body.readableBytesView)
        } catch {
            var failure = ACPClientError(
                .invalidResponse,
                "the response to \(describe(request)) is \(excerpt(response)), which is not ACP: \(error.message). "
                    + "Is \(baseURL) the URL of an ACP server?", cause: error)
            failure.status = response.status
            failure.runID = request.runID
            throw failure
        }
    }

    /// Returns the response, or `nil` if the connection was closed before a response arrived.
    private func execute(
        _ prepared: HTTPClientRequest, on client: HTTPClient, for request: ClientRequest
    ) async throws -> HTTPClientResponse? {
        try checkOpen()
        do {
            let response = try await client.execute(prepared, deadline: .distantFuture, logger: nil)
            log(request, response)
            return response
        } catch let error as HTTPClientError where error == .remoteConnectionClosed {
            return nil
        }
    }

    private func complete(_ response: HTTPClientResponse, for request: ClientRequest) async throws -> ClientResponse {
        let body = try await response.body.collect(upTo: configuration.maximumResponseBytes)
        let complete = ClientResponse(status: Int(response.status.code), headers: response.headers, body: body)
        guard request.acceptsErrors || (200..<300).contains(complete.status) else {
            throw failure(complete, for: request)
        }
        return complete
    }

    private func prepare(_ request: ClientRequest) throws -> HTTPClientRequest {
        let isOwnServer: Bool
        var prepared: HTTPClientRequest
        switch request.target {
        case .path(let path):
            prepared = HTTPClientRequest(url: baseURL.description + path)
            isOwnServer = true
        case .url(let url):
            prepared = HTTPClientRequest(url: url)
            isOwnServer = request.isTrusted || baseURL.isSameOrigin(as: url)
        }
        prepared.method = request.method
        prepared.headers.add(name: "User-Agent", value: "simple-acp-swift")
        if isOwnServer {
            for (name, value) in configuration.headers { prepared.headers.replaceOrAdd(name: name, value: value) }
            if let token = configuration.bearerToken {
                prepared.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(token)")
            }
        }
        prepared.headers.replaceOrAdd(name: "Accept", value: request.accept)
        addTrace(to: &prepared.headers)
        for (name, value) in request.extraHeaders { prepared.headers.replaceOrAdd(name: name, value: value) }
        if let body = request.body {
            prepared.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
            prepared.body = .bytes(body)
        }
        return prepared
    }

    /// Passes the trace of the current task on. With a tracer, the HTTP client does so, in a span of its own.
    private func addTrace(to headers: inout HTTPHeaders) {
        guard let known = ServiceContext.current?.traceContext else { return }
        if let tracer = requests.tracer, !(tracer is NoOpTracer) { return }
        headers.replaceOrAdd(name: TraceContext.parentName, value: known.parent)
        if let state = known.state { headers.replaceOrAdd(name: TraceContext.stateName, value: state) }
    }

    private func checkOpen() throws(ACPClientError) {
        guard !isClosed.load(ordering: .acquiring) else {
            throw ACPClientError(.closed, "the client is closed: create a new one")
        }
    }

    private func log(_ request: ClientRequest, _ response: HTTPClientResponse) {
        configuration.logger?.debug(
            "\(wording.protocolName) request",
            metadata: ["request": "\(describe(request))", "status": "\(response.status.code)"])
    }

    /// Validates headers and token, which otherwise would fail at the first request with an error that contains a
    /// secret.
    private static func validate(_ configuration: ACPClient.Configuration) throws(ACPClientError) {
        let fields = configuration.headers.map { (name: $0.key, value: $0.value) }
        for field in fields where !field.name.utf8.allSatisfy(isTokenCharacter) || field.name.isEmpty {
            throw ACPClientError(.invalidConfiguration, "\"\(field.name)\" is not a valid HTTP header name")
        }
        for field in fields {
            guard let fault = HeaderValue.fault(in: field.value) else { continue }
            throw ACPClientError(.invalidConfiguration, "the value of the header \(field.name) \(fault)")
        }
        if let fault = configuration.bearerToken.flatMap(BearerToken.fault) {
            throw ACPClientError(.invalidConfiguration, "the bearer token \(fault)")
        }
    }
}

private func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default:
        "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
