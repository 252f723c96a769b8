// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
import Hummingbird

/// A part of a session that has its own URL.
enum SessionResource: Sendable, Hashable {
    case message(SessionID, Int)
    case state(SessionID)

    /// The session.
    var session: SessionID {
        switch self {
        case .message(let session, _), .state(let session): session
        }
    }

    /// The path below the server's base.
    var path: String {
        switch self {
        case .message(let session, let index): "/sessions/\(session)/history/\(index)"
        case .state(let session): "/sessions/\(session)/state"
        }
    }

    /// Creates the resource at a path, or returns `nil` if the path is not that of a resource.
    init?(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).map {
            $0.removingPercentEncoding ?? String($0)
        }
        guard parts.count >= 4, parts[0].isEmpty, parts[1] == "sessions", let session = SessionID(rawValue: parts[2])
        else { return nil }
        switch (parts[3], parts.count) {
        case ("state", 4): self = .state(session)
        case ("history", 5):
            guard parts[4].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let index = Int(parts[4]) else { return nil }
            self = .message(session, index)
        default: return nil
        }
    }
}

/// Creates and recognizes the URLs at which this server serves the resources of sessions.
struct SessionURLs: Sendable {
    /// The base of the URLs that are created.
    let base: ServerBase
    /// The bases of the URLs that are recognized: the public URL, and that of the request.
    private let bases: [ServerBase]
    private let signing: URLSigning?
    /// Marks the URLs that are created, and recognizes those that clients send back.
    var origin: OriginMark?

    init(_ request: Request, _ context: some RemoteAddressRequestContext, _ configuration: ServerConfiguration) {
        let isProxyTrusted = configuration.trustedProxies?.includes(context.remoteAddress) ?? false
        self.init(
            publicURL: configuration.publicURL,
            called: ServerBase(
                of: request.head, isProxyTrusted: isProxyTrusted, isSecure: configuration.tls != nil),
            signing: configuration.urlSigning)
    }

    /// - Parameters:
    ///   - publicURL: The configured URL of the server.
    ///   - called: The URL that the client has requested.
    ///   - signing: Signs the URLs that are created.
    init(publicURL: String?, called: ServerBase?, signing: URLSigning?) {
        let known = [publicURL.flatMap { ServerBase($0) }, called].compactMap { $0 }
        base = known.first ?? .unknown
        bases = known
        self.signing = signing
    }

    /// Creates URLs below a base, independently of a request.
    init(base: String, signing: URLSigning? = nil) { self.init(publicURL: base, called: nil, signing: signing) }

    func message(_ index: Int, in session: SessionID) -> String { url(of: .message(session, index)) }

    /// - Parameter version: A part of the URL, so that a server that has copied the state notices a later change.
    func state(of session: SessionID, version: Int) -> String { url(of: .state(session), query: "?v=\(version)") }

    private func url(of resource: SessionResource, query: String = "") -> String {
        var query = query
        if let origin {
            query += "\(query.isEmpty ? "?" : "&")\(SessionLink.originName)=\(origin.mark(of: resource))"
        }
        return signing?.url(of: resource, at: base, query: query) ?? base.description + resource.path + query
    }

    /// Returns the resource of a URL of this server, or of another one on the same storage. Signatures are not checked.
    func ownResource(_ url: String) -> SessionResource? {
        for base in bases {
            if let path = base.path(of: url), let resource = SessionResource(path: path) { return resource }
        }
        return origin?.resource(of: url)
    }

    /// Whether a URL has a mark, but not a base of this server.
    func isMarkedElsewhere(_ url: String) -> Bool { ownResource(url) == nil && SessionLink(url).origin != nil }

    /// Whether the URLs of the server are signed.
    var areSigned: Bool { signing != nil }

    /// Whether a URL grants access to its resource. If the server signs URLs, only signed URLs do.
    func grantsAccess(_ url: String, to resource: SessionResource) -> Bool {
        signing?.isSigned(url, for: resource) ?? true
    }

    /// Returns the link of a history or a state as a URL for clients. Paths refer to this server's resources and are
    /// signed.
    func absolute(_ link: String) -> String {
        guard link.hasPrefix("/") else { return link }
        return SessionResource(path: link).map { url(of: $0) } ?? base.description + link
    }
}
