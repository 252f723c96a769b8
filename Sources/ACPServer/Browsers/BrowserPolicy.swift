// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// Decides about requests by what browsers tell about the pages that have sent them. It is a value without I/O.
struct BrowserPolicy: Sendable {
    /// Who has sent a request.
    enum Sender: Equatable {
        /// A program that is not a browser, or a browser that reads something for no page of another origin.
        case other
        /// A page of the server itself.
        case ownPage
        /// A page of a listed origin.
        case listedPage
        /// A page of any other origin.
        case foreignPage
    }

    /// Why a request is refused.
    enum Refusal: Error, Equatable {
        case unknownHost
        case foreignOrigin
        case notJSON
    }

    private let origins: Set<String>
    private let hosts: HostNames?
    private let publicAuthority: String?
    /// Whether the server itself serves HTTPS.
    private let isSecure: Bool

    /// - Parameter address: The address on which the server listens. `nil` if another application listens.
    init(_ configuration: ServerConfiguration, listeningOn address: String?) {
        origins = Set(configuration.browsers.allowedOrigins.compactMap(BrowserConfiguration.normalizedOrigin))
        hosts = HostNames(configuration, listeningOn: address)
        isSecure = configuration.tls != nil
        publicAuthority = configuration.publicURL.flatMap(ServerBase.init)?.authority
    }

    /// Whether an origin is listed.
    func lists(_ origin: String) -> Bool { origins.contains(origin) }

    /// Decides about a request.
    ///
    /// - Parameters:
    ///   - request: The head of the request.
    ///   - isProxyTrusted: Whether a trusted proxy has sent the request.
    /// - Returns: Who has sent it.
    /// - Throws: ``Refusal``.
    func check(_ request: HTTPRequest, isProxyTrusted: @autoclosure () -> Bool) throws(Refusal) -> Sender {
        if let hosts, let host = request.authority, !hosts.include(host), !request.isHealthCheck,
            !isProxyTrusted()
        {
            throw .unknownHost
        }
        guard let origin = request.headerFields[.origin] else { return .other }
        let sender = sender(of: request, origin: origin, isProxyTrusted: isProxyTrusted())
        switch request.method {
        case .get, .head, .options: return sender
        default:
            guard sender != .foreignPage else { throw .foreignOrigin }
            guard Self.hasNoBody(request) || Self.isJSON(request.headerFields[.contentType]) else { throw .notJSON }
            return sender
        }
    }

    private func sender(of request: HTTPRequest, origin: String, isProxyTrusted: Bool) -> Sender {
        if origins.contains(origin) { return .listedPage }
        // Pages cannot set this header.
        if request.headerFields[.secFetchSite] == "same-origin" { return .ownPage }
        // Without TLS of the server itself, the scheme is not compared: a proxy may have removed TLS.
        guard let authority = ServerBase(origin)?.authority, !isSecure || origin.hasPrefix("https:") else {
            return .foreignPage
        }
        if authority == publicAuthority { return .ownPage }
        return authority == ServerBase(of: request, isProxyTrusted: isProxyTrusted)?.authority ? .ownPage : .foreignPage
    }

    private static func hasNoBody(_ request: HTTPRequest) -> Bool {
        request.headerFields[.contentLength].map { $0 == "0" } ?? (request.headerFields[.transferEncoding] == nil)
    }

    /// Whether a media type is one of JSON. Browsers send it to another origin only if a preflight request allows it.
    static func isJSON(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" }
        return type == "application/json" || type.hasPrefix("application/") && type.hasSuffix("+json")
    }
}

extension BrowserPolicy.Refusal {
    /// The response to a request that is refused.
    func response(to request: HTTPRequest) -> ErrorResponse {
        switch self {
        case .unknownHost:
            ErrorResponse(
                .misdirectedRequest, .invalidInput,
                "this server is not reached as \"\(request.authority?.prefix(100) ?? "")\": use another name for it, or let its operator allow this one (BrowserConfiguration.allowedHosts, acp serve --allow-host)"
            )
        case .foreignOrigin:
            ErrorResponse(
                .forbidden, .unauthorized,
                "requests of pages of \"\(request.headerFields[.origin]?.prefix(100) ?? "")\" are refused: let the server's operator allow the origin (BrowserConfiguration.allowedOrigins, acp serve --allow-origin)"
            )
        case .notJSON:
            ErrorResponse(
                .unsupportedMediaType, .invalidInput,
                "requests of web pages with a body must have a content type of JSON: send Content-Type: application/json"
            )
        }
    }
}

extension ServerBase {
    /// Host and port, without the default port of the scheme.
    var authority: String {
        let start = description.firstRange(of: "://")?.upperBound ?? description.startIndex
        return String(description[start...].prefix { $0 != "/" })
    }

    /// The host without the port.
    var hostName: String {
        let authority = authority
        guard authority.hasPrefix("[") else { return String(authority.prefix { $0 != ":" }) }
        return String(authority.prefix { $0 != "]" }) + "]"
    }
}

extension HTTPField.Name {
    static let secFetchSite = HTTPField.Name(known: "Sec-Fetch-Site")
}
