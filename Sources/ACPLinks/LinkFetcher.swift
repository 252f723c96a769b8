// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL

/// Fetches one URL: looks up its host, checks the addresses, follows redirects, and reads the response.
struct LinkFetcher: Sendable {
    /// A resource, and how long it may be cached. The lifetime is `nil` if the response does not contain it.
    struct Fetched: Sendable {
        var resource: LoadedResource
        var lifetime: Duration?
    }

    private enum Response {
        case fetched(Fetched)
        case redirect(String)
    }

    let configuration: LinkConfiguration
    let addressCache: AddressCache
    let connections: LinkConnections

    /// Fetches a URL.
    ///
    /// - Throws: ``LinkError``, or `CancellationError`.
    func fetch(_ url: LinkURL) async throws -> Fetched {
        var current = url
        for _ in 0...max(0, configuration.maximumRedirects) {
            switch try await request(current) {
            case .fetched(let fetched): return fetched
            case .redirect(let location): current = try current.redirected(to: location)
            }
        }
        throw LinkError(
            .redirected,
            "\(url.shown) was not loaded: it redirects more than \(configuration.maximumRedirects) times")
    }

    /// Tries the addresses of the host one after the other, after all of them have been checked.
    private func request(_ url: LinkURL) async throws -> Response {
        let addresses = try await addressCache.addresses(of: url.host)
        try configuration.check(addresses, of: url)
        var failure = LinkError(.cannotConnect, "\(url.shown) was not loaded: \(url.hostText) has no address")
        for address in addresses {
            do {
                return try await connections.withClient(for: url.host, at: address) { client in
                    let response = try await head(of: url, from: client)
                    return try await read(response, of: url)
                }
            } catch let error as LinkError where error.isConnectionFailure {
                failure = error
            }
        }
        throw failure
    }

    private func head(of url: LinkURL, from client: HTTPClient) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url.description)
        request.headers = ["Accept": "*/*", "User-Agent": "simple-acp-swift"]
        do {
            do {
                return try await client.execute(request, deadline: .distantFuture)
            } catch let error where error.isClosedConnection {
                // The server closed a pooled connection. A second request is safe because GET is idempotent.
                return try await client.execute(request, deadline: .distantFuture)
            }
        } catch {
            throw translated(error, of: url)
        }
    }

    private func translated(_ error: any Error, of url: LinkURL) -> any Error {
        let (code, reason): (LinkError.Code, String)
        switch error {
        case is LinkError, is CancellationError: return error
        case let error as HTTPClientError:
            switch error {
            case .cancelled: return CancellationError()
            case .alreadyShutdown: return LinkError.closed
            case .connectTimeout, .tlsHandshakeTimeout:
                (code, reason) = (.cannotConnect, "its server did not accept the connection in time")
            case .invalidURL: (code, reason) = (.invalidURL, "this is not a URL: percent-encode special characters")
            default: (code, reason) = (.badResponse, "its server closed the connection without a response")
            }
        case is ChannelError: (code, reason) = (.cannotConnect, "its server did not accept the connection in time")
        case is HTTPParserError: (code, reason) = (.badResponse, "the response of its server is not valid HTTP")
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            (code, reason) = (
                .cannotConnect, "its server has no valid certificate for \(url.hostText), or does not use TLS"
            )
        default: (code, reason) = (.cannotConnect, "its server cannot be reached: is it running?")
        }
        return LinkError(code, "\(url.shown) was not loaded: \(reason)", cause: error)
    }

    // MARK: - Responses

    private func read(_ response: HTTPClientResponse, of url: LinkURL) async throws -> Response {
        func failure(_ code: LinkError.Code, _ reason: String) -> LinkError {
            LinkError(code, "\(url.shown) was not loaded: \(reason)")
        }
        let status = response.status.code
        switch status {
        case 200...203: break
        case 301, 302, 303, 307, 308:
            guard let location = response.headers.first(name: "Location") else {
                throw failure(.badResponse, "its server redirects without a target (\(status) without Location)")
            }
            return .redirect(location)
        case 404, 410: throw failure(.notFound, "it does not exist on its server (\(status))")
        case 401, 403, 407:
            throw failure(
                .denied,
                "its server requires a credential (\(status)), and none is sent. If its URLs expire, send a new descriptor of the session"
            )
        case 429, 500...: throw failure(.badResponse, "its server failed (\(status)): try again later")
        default: throw failure(.badResponse, "its server responded with status \(status)")
        }
        let encoding = response.headers[canonicalForm: "Content-Encoding"].filter { $0.lowercased() != "identity" }
        guard encoding.isEmpty else {
            throw failure(.badResponse, "its server sent a compressed response, which was not requested")
        }
        let tooLarge = failure(.tooLarge, "it has more than \(configuration.maximumBytes) bytes")
        let announced = response.headers.first(name: "Content-Length").flatMap { Int($0) }
        if let announced, announced > configuration.maximumBytes { throw tooLarge }
        var bytes: [UInt8] = []
        do {
            for try await chunk in response.body {
                guard bytes.count + chunk.readableBytes <= configuration.maximumBytes else { throw tooLarge }
                bytes.append(contentsOf: chunk.readableBytesView)
            }
        } catch {
            let translation = translated(error, of: url)
            guard !(error is LinkError), let failure = translation as? LinkError, failure.code != .unavailable else {
                throw translation
            }
            throw LinkError(
                .badResponse, "\(url.shown) was not loaded: its server ended the response prematurely", cause: error)
        }
        // The client does not report a connection that ended before all announced bytes arrived.
        if let announced, announced > bytes.count {
            throw failure(.badResponse, "its server announced \(announced) bytes, but sent \(bytes.count)")
        }
        let contentType = response.headers.first(name: "Content-Type") ?? "application/octet-stream"
        return .fetched(
            Fetched(
                resource: LoadedResource(bytes: bytes, contentType: contentType), lifetime: lifetime(response.headers)))
    }

    /// Returns how long a response may be cached, or `nil` if its headers do not contain a lifetime.
    private func lifetime(_ headers: HTTPHeaders) -> Duration? {
        if headers[canonicalForm: "Vary"].contains("*") { return .zero }
        var lifetime: Duration?
        for directive in headers[canonicalForm: "Cache-Control"] {
            let parts = directive.lowercased().split(separator: "=", maxSplits: 1)
            switch parts.first {
            case "no-store", "no-cache": return .zero
            case "max-age" where parts.count == 2:
                // At most one day, so that large numbers cannot overflow.
                lifetime = .seconds(min(max(0, Int(parts[1].filter { $0 != "\"" }) ?? 0), 86_400))
            default: continue
            }
        }
        return lifetime
    }
}

extension LinkError {
    /// Whether another address of the host is tried.
    fileprivate var isConnectionFailure: Bool { code == .cannotConnect }
}

extension Error {
    /// Whether a request failed because its pooled connection was closed.
    var isClosedConnection: Bool {
        switch self {
        case let error as HTTPClientError: error == .remoteConnectionClosed
        case let error as ChannelError: [.ioOnClosedChannel, .alreadyClosed, .outputClosed].contains(error)
        default: false
        }
    }
}
