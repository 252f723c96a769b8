// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

extension Transport {
    /// Returns the error for a response with an error status.
    func failure(_ response: ClientResponse, for request: ClientRequest) -> ACPClientError {
        var failure: ACPClientError
        if let error = try? ACPJSON.decode(ACPError.self, from: response.body.readableBytesView) {
            failure = ACPClientError(.serverError, "\(error.message) (\(error.code.rawValue), HTTP \(response.status))")
            failure.serverError = error
        } else if (300..<400).contains(response.status), let location = response.headers.first(name: "Location") {
            failure = ACPClientError(
                .invalidResponse,
                "\(describe(request)) was redirected to \(location): use the URL of the server itself")
        } else {
            failure = ACPClientError(
                .serverError,
                "the response to \(describe(request)) is \(excerpt(response)). Is \(address(of: request)) the URL of \(wording.server)?"
            )
        }
        failure.status = response.status
        failure.retryAfter = response.headers.retryAfter
        failure.runID = request.runID
        return failure
    }

    /// Returns the error for a response that is not an event stream.
    func unexpected(_ response: HTTPClientResponse, for request: ClientRequest) async throws -> ACPClientError {
        let response = try await collect(response, for: request)
        var failure = ACPClientError(
            .invalidResponse,
            "the response to \(describe(request)) is \(excerpt(response)) instead of an event stream. "
                + "Is \(address(of: request)) the URL of \(wording.server)?")
        failure.status = response.status
        failure.runID = response.headers.runID ?? request.runID
        return failure
    }

    /// Converts the errors of the HTTP client. `CancellationError` is returned unchanged.
    func map(_ error: any Error, during request: ClientRequest, limit: Duration) -> any Error {
        if error is ACPClientError || error is CancellationError { return error }
        if Task.isCancelled { return CancellationError() }
        var failure = classify(error, request, limit)
        failure.runID = failure.runID ?? request.runID
        return failure
    }

    private func classify(_ error: any Error, _ request: ClientRequest, _ limit: Duration) -> ACPClientError {
        switch error {
        case let error as HTTPClientError:
            return classify(error, request, limit)
        case is DeadlineExceeded:
            return timedOut(request, limit)
        case is NIOTooManyBytesError:
            return ACPClientError(
                .invalidResponse,
                "the response to \(describe(request)) has more than \(configuration.maximumResponseBytes) bytes: "
                    + "raise maximumResponseBytes or request less", cause: error)
        case HTTPParserError.invalidEOFState:
            return connectionLost(request, error)
        case is HTTPParserError:
            return ACPClientError(
                .invalidResponse,
                "the response of \(authority(of: request)) is not valid HTTP: is \(address(of: request)) the URL of \(wording.server)?",
                cause: error)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            return cannotConnect(request, "no secure connection (check the certificate and the TLS settings)", error)
        case let error as IOError where neverConnected.contains(error.errnoCode):
            return cannotConnect(request, "is the server running?", error)
        case is ChannelError, is IOError:
            return connectionLost(request, error)
        default:
            // Errors of name resolution and of sockets that did not connect.
            return cannotConnect(request, "is the server running?", error)
        }
    }

    private func classify(_ error: HTTPClientError, _ request: ClientRequest, _ limit: Duration) -> ACPClientError {
        switch error {
        case .deadlineExceeded:
            return timedOut(request, limit)
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .httpProxyHandshakeTimeout,
            .socksHandshakeTimeout:
            return cannotConnect(request, "no connection within \(configuration.timeouts.connect.seconds)", error)
        case .readTimeout:
            return ACPClientError(
                .connectionLost,
                "\(describe(request)): nothing arrived for \(configuration.timeouts.streamIdle.seconds)", cause: error)
        case .alreadyShutdown, .cancelled:
            return ACPClientError(.closed, "the client is closed: create a new one", cause: error)
        case .remoteConnectionClosed, .writeTimeout, .uncleanShutdown:
            return connectionLost(request, error)
        default:
            return ACPClientError(
                .invalidConfiguration, "\(describe(request)): \(error.shortDescription)", cause: error)
        }
    }

    private func timedOut(_ request: ClientRequest, _ limit: Duration) -> ACPClientError {
        let remedy =
            request.method == .POST
            ? wording.timeoutRemedy
            : "raise the timeout, or check the server"
        return ACPClientError(.timedOut, "no response to \(describe(request)) within \(limit.seconds): \(remedy)")
    }

    private func connectionLost(_ request: ClientRequest, _ error: any Error) -> ACPClientError {
        ACPClientError(
            .connectionLost,
            "the connection to \(authority(of: request)) was lost before the response to \(describe(request)) was complete",
            cause: error)
    }

    private func cannotConnect(_ request: ClientRequest, _ reason: String, _ error: any Error) -> ACPClientError {
        ACPClientError(.cannotConnect, "cannot connect to \(authority(of: request)): \(reason)", cause: error)
    }

    /// Returns the method and the path or URL of a request.
    package func describe(_ request: ClientRequest) -> String {
        if let name = request.name { return name }
        return switch request.target {
        case .path(let path): "\(request.method.rawValue) \(path)"
        case .url(let url): "\(request.method.rawValue) \(url)"
        }
    }

    /// Returns the URL of the server to which a request is sent.
    package func address(of request: ClientRequest) -> String {
        switch request.target {
        case .path: baseURL.description
        case .url(let url): url
        }
    }

    /// Returns the host and the port to which a request is sent.
    private func authority(of request: ClientRequest) -> String {
        guard case .url(let url) = request.target, let components = URLComponents(string: url),
            let host = components.percentEncodedHost
        else { return baseURL.authority }
        return host + (components.port.map { ":\($0)" } ?? "")
    }

    /// Returns the status, the content type and the start of a response, so that its sender can be recognized.
    package func excerpt(_ response: ClientResponse) -> String {
        let type = response.contentType.isEmpty ? "no content type" : response.contentType
        let start = String(decoding: response.body.readableBytesView.prefix(120), as: UTF8.self)
        let words = start.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.isEmpty ? "HTTP \(response.status) (\(type))" : "HTTP \(response.status) (\(type), \"\(words)\")"
    }
}

/// The system's errors for connections that were not established, as opposed to lost ones.
private let neverConnected: Set<CInt> = [
    ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, ENOENT, EACCES, EPERM,
]

extension Duration {
    /// The duration for messages: `10 s`, `0.25 s`.
    package var seconds: String {
        let value = Double(components.seconds) + Double(components.attoseconds) / 1e18
        return value == value.rounded() ? "\(Int(value)) s" : "\((value * 1000).rounded() / 1000) s"
    }
}
