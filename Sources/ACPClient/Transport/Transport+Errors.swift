// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

extension Transport {
    /// An answer that says that something went wrong.
    func failure(_ answer: HTTPAnswer, for request: HTTPRequest) -> ACPClientError {
        var failure: ACPClientError
        if let error = try? ACPJSON.decode(ACPError.self, from: answer.body.readableBytesView) {
            failure = ACPClientError(.serverError, "\(error.message) (\(error.code.rawValue), HTTP \(answer.status))")
            failure.serverError = error
        } else if (300..<400).contains(answer.status), let location = answer.headers.first(name: "Location") {
            failure = ACPClientError(
                .invalidResponse,
                "\(describe(request)) was redirected to \(location): give the URL where the server is")
        } else {
            failure = ACPClientError(
                .serverError,
                "\(describe(request)) answered with \(excerpt(answer)). Is \(baseURL) the URL of an ACP server?")
        }
        failure.status = answer.status
        failure.retryAfter = answer.headers.retryAfter
        failure.runID = request.runID
        return failure
    }

    /// An answer of a type that was not asked for.
    func unexpected(_ response: HTTPClientResponse, for request: HTTPRequest) async throws -> ACPClientError {
        let answer = try await collect(response, for: request)
        var failure = ACPClientError(
            .invalidResponse,
            "\(describe(request)) answered with \(excerpt(answer)) where a stream of events was expected. "
                + "Is \(baseURL) the URL of an ACP server?")
        failure.status = answer.status
        failure.runID = answer.headers.runID ?? request.runID
        return failure
    }

    /// What the layers below throw, in the words of this client. Cancellation stays what it is.
    func map(_ error: any Error, during request: HTTPRequest, limit: Duration) -> any Error {
        if error is ACPClientError || error is CancellationError { return error }
        if Task.isCancelled { return CancellationError() }
        var failure = classify(error, request, limit)
        failure.runID = failure.runID ?? request.runID
        return failure
    }

    private func classify(_ error: any Error, _ request: HTTPRequest, _ limit: Duration) -> ACPClientError {
        switch error {
        case let error as HTTPClientError:
            return classify(error, request, limit)
        case is DeadlineExceeded:
            return timedOut(request, limit)
        case is NIOTooManyBytesError:
            return ACPClientError(
                .invalidResponse,
                "\(describe(request)) answered with more than \(configuration.maximumResponseBytes) bytes: "
                    + "raise maximumResponseBytes or ask for less", cause: error)
        case HTTPParserError.invalidEOFState:
            return connectionLost(request, error)
        case is HTTPParserError:
            return ACPClientError(
                .invalidResponse,
                "\(baseURL.authority) answered with something that is not HTTP: is \(baseURL) the URL of an ACP server?",
                cause: error)
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
            return cannotConnect("no secure connection (check the certificate and the TLS settings)", error)
        case let error as IOError where neverConnected.contains(error.errnoCode):
            return cannotConnect("is the server running?", error)
        case is ChannelError, is IOError:
            return connectionLost(request, error)
        default:
            // The errors of name resolution and of sockets that did not connect.
            return cannotConnect("is the server running?", error)
        }
    }

    private func classify(_ error: HTTPClientError, _ request: HTTPRequest, _ limit: Duration) -> ACPClientError {
        switch error {
        case .deadlineExceeded:
            return timedOut(request, limit)
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .httpProxyHandshakeTimeout,
            .socksHandshakeTimeout:
            return cannotConnect("no connection within \(configuration.timeouts.connect.seconds)", error)
        case .readTimeout:
            return ACPClientError(
                .connectionLost,
                "\(describe(request)): nothing came for \(configuration.timeouts.streamIdle.seconds)", cause: error)
        case .alreadyShutdown, .cancelled:
            return ACPClientError(.closed, "the client was closed: make a new one", cause: error)
        case .remoteConnectionClosed, .writeTimeout, .uncleanShutdown:
            return connectionLost(request, error)
        default:
            return ACPClientError(
                .invalidConfiguration, "\(describe(request)): \(error.shortDescription)", cause: error)
        }
    }

    private func timedOut(_ request: HTTPRequest, _ limit: Duration) -> ACPClientError {
        let remedy =
            request.method == .POST
            ? "the server may have taken it all the same; raise the timeout, or start the run and follow it"
            : "raise the timeout, or look at the server"
        return ACPClientError(.timedOut, "\(describe(request)) was not answered within \(limit.seconds): \(remedy)")
    }

    private func connectionLost(_ request: HTTPRequest, _ error: any Error) -> ACPClientError {
        ACPClientError(
            .connectionLost, "the connection to \(baseURL.authority) broke before \(describe(request)) was answered",
            cause: error)
    }

    private func cannotConnect(_ reason: String, _ error: any Error) -> ACPClientError {
        ACPClientError(.cannotConnect, "cannot connect to \(baseURL.authority): \(reason)", cause: error)
    }

    /// A request as people write it.
    func describe(_ request: HTTPRequest) -> String {
        switch request.target {
        case .path(let path): "\(request.method.rawValue) \(path)"
        case .url(let url): "\(request.method.rawValue) \(url)"
        }
    }

    /// What came, in few words: enough to see whose answer it is.
    func excerpt(_ answer: HTTPAnswer) -> String {
        let type = answer.contentType.isEmpty ? "no content type" : answer.contentType
        let start = String(decoding: answer.body.readableBytesView.prefix(120), as: UTF8.self)
        let words = start.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.isEmpty ? "HTTP \(answer.status) (\(type))" : "HTTP \(answer.status) (\(type), \"\(words)\")"
    }
}

/// The system's errors by which a connection is not made, as opposed to lost.
private let neverConnected: Set<CInt> = [
    ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, ENOENT, EACCES, EPERM,
]

extension Duration {
    /// As people write it: `10 s`, `0.25 s`.
    var seconds: String {
        let value = Double(components.seconds) + Double(components.attoseconds) / 1e18
        return value == value.rounded() ? "\(Int(value)) s" : "\((value * 1000).rounded() / 1000) s"
    }
}
