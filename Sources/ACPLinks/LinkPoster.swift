// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// Posts to URLs that callers have sent, with the protection that ``LinkLoader`` has: all addresses of the host are
/// checked at the time of the request, and the connection is made to a checked address.
///
/// Redirects are not followed, and bodies of responses are discarded. Errors show a URL's host only, since receivers
/// put secrets into paths and queries.
package final class LinkPoster: Sendable {
    /// What is left of a response.
    package struct Response: Sendable, Hashable {
        /// The status.
        package let status: Int
        /// The value of the header `Retry-After`.
        package let retryAfter: String?
    }

    /// The largest part of a response's body that is read, so that its connection can be used again.
    private static let maximumDiscardedBytes = 65_536
    private static let discardTimeout = Duration.seconds(1)

    private let configuration: LinkConfiguration
    private let addressCache: AddressCache
    private let connections: LinkConnections

    /// Creates a poster. It makes no connection before something is posted.
    ///
    /// - Parameter configuration: The allowed hosts and the timeouts. Its limits of size and number are not used.
    package convenience init(configuration: LinkConfiguration) {
        self.init(configuration: configuration, resolver: SystemResolver())
    }

    init(
        configuration: LinkConfiguration, resolver: any HostResolver,
        tls: TLSConfiguration = .makeClientConfiguration()
    ) {
        self.configuration = configuration
        addressCache = AddressCache(resolver: resolver)
        connections = LinkConnections(configuration: configuration, tls: tls)
    }

    /// Closes the connections. Nothing can be posted afterwards.
    package func close() async { await connections.close() }

    /// Checks a URL as far as that is possible without looking up its host.
    ///
    /// - Throws: ``LinkError`` with code `invalidURL` or `refused`. The message is the reason, without the URL.
    package func check(_ url: String) throws(LinkError) {
        let url = try LinkURL(url) { LinkError(.invalidURL, $0) }
        guard case .address(let address) = url.host else { return }
        if let kind = configuration.refusedKind(of: [address], of: url) {
            throw LinkError(.refused, "its host is \(kind.name), and this server posts only to public addresses")
        }
    }

    /// Posts a body, and returns the status of the response, whatever it is.
    ///
    /// - Parameters:
    ///   - url: The URL.
    ///   - headers: The headers, beside `Host`, `Content-Length` and `User-Agent`.
    ///   - body: The body.
    /// - Throws: ``LinkError`` with code `invalidURL`, `refused`, `cannotConnect`, `badResponse`, `timedOut` or
    ///   `unavailable`; `CancellationError`.
    package func post(
        to url: String, headers: [(name: String, value: String)], body: [UInt8]
    ) async throws -> Response {
        let url = try LinkURL(url) { LinkError(.invalidURL, "nothing was posted: \($0)") }
        var request = HTTPClientRequest(url: url.description)
        request.method = .POST
        request.headers = HTTPHeaders(headers.map { ($0.name, $0.value) })
        request.headers.add(name: "User-Agent", value: "simple-acp-swift")
        request.body = .bytes(ByteBuffer(bytes: body))
        let response = try await withDeadline(configuration.timeout) { [request] in
            try await self.send(request, to: url)
        }
        if let response { return response }
        try Task.checkCancellation()
        throw failure(.timedOut, "there was no response within \(configuration.timeout)", url)
    }

    /// Tries the addresses of the host one after the other, after all of them have been checked.
    private func send(_ request: HTTPClientRequest, to url: LinkURL) async throws -> Response {
        let addresses = try await addressCache.addresses(of: url.host)
        if let kind = configuration.refusedKind(of: addresses, of: url) {
            throw failure(.refused, "it has \(kind.name), and this server posts only to public addresses", url)
        }
        var connectionFailure = failure(.cannotConnect, "it has no address", url)
        for address in addresses {
            do {
                return try await connections.withClient(for: url.host, at: address) { client in
                    let response = try await head(of: request, from: client, url)
                    await discard(response.body)
                    return Response(
                        status: Int(response.status.code), retryAfter: response.headers.first(name: "Retry-After"))
                }
            } catch let error as LinkError where error.code == .cannotConnect {
                connectionFailure = error
            }
        }
        throw connectionFailure
    }

    private func head(
        of request: HTTPClientRequest, from client: HTTPClient, _ url: LinkURL
    ) async throws -> HTTPClientResponse {
        do {
            do {
                return try await client.execute(request, deadline: .distantFuture)
            } catch let error where error.isClosedConnection {
                // The server closed a pooled connection. It may have received the request: receivers tolerate that.
                return try await client.execute(request, deadline: .distantFuture)
            }
        } catch {
            throw translated(error, url)
        }
    }

    /// Reads a short body, so that the connection can be used again. A long or slow one closes the connection.
    private func discard(_ body: HTTPClientResponse.Body) async {
        _ = try? await withDeadline(Self.discardTimeout) {
            var count = 0
            for try await chunk in body {
                count += chunk.readableBytes
                if count > Self.maximumDiscardedBytes { return }
            }
        }
    }

    private func failure(
        _ code: LinkError.Code, _ reason: String, _ url: LinkURL, cause: (any Error)? = nil
    ) -> LinkError {
        LinkError(code, "nothing was posted to \(url.origin): \(reason)", cause: cause)
    }

    private func translated(_ error: any Error, _ url: LinkURL) -> any Error {
        switch error {
        case is LinkError, is CancellationError: error
        case let error as HTTPClientError where error == .cancelled: CancellationError()
        case let error as HTTPClientError where error == .alreadyShutdown: LinkError.closed
        case let error as HTTPClientError where error == .connectTimeout || error == .tlsHandshakeTimeout:
            failure(.cannotConnect, "its server did not accept the connection in time", url, cause: error)
        case is ChannelError:
            failure(.cannotConnect, "its server did not accept the connection in time", url, cause: error)
        case is HTTPClientError:
            failure(.badResponse, "its server closed the connection without a response", url, cause: error)
        case is HTTPParserError: failure(.badResponse, "the response is not valid HTTP", url, cause: error)
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            failure(.cannotConnect, "it has no valid certificate, or does not use TLS", url, cause: error)
        default: failure(.cannotConnect, "its server cannot be reached", url, cause: error)
        }
    }
}
