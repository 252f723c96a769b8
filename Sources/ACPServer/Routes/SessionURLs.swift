// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
import Hummingbird

/// Something of a session that has a URL of its own.
enum SessionResource: Sendable, Hashable {
    case message(SessionID, Int)
    case state(SessionID)

    /// The path below the server's base.
    var path: String {
        switch self {
        case .message(let session, let index): "/sessions/\(session)/history/\(index)"
        case .state(let session): "/sessions/\(session)/state"
        }
    }

    /// The resource that a path means, or nil if it means none.
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

/// The URLs under which this server serves what belongs to sessions.
struct SessionURLs: Sendable {
    /// What the URLs begin with that are given out.
    let base: ServerBase
    /// What the URLs begin with that lead here: the public URL, and that of the request.
    private let bases: [ServerBase]
    private let signing: URLSigning?
    /// Marks the URLs that are given out, and recognizes those that come back.
    var origin: OriginMark?

    init(_ request: Request, _ context: some RemoteAddressRequestContext, _ configuration: ServerConfiguration) {
        let believesProxy = configuration.trustedProxies?.includes(context.remoteAddress) ?? false
        self.init(
            publicURL: configuration.publicURL,
            called: ServerBase(of: request.head, believesProxy: believesProxy), signing: configuration.urlSigning)
    }

    /// - Parameters:
    ///   - publicURL: What the server was told.
    ///   - called: What the client has called.
    ///   - signing: Signs the URLs that are given out.
    init(publicURL: String?, called: ServerBase?, signing: URLSigning?) {
        let known = [publicURL.flatMap { ServerBase($0) }, called].compactMap { $0 }
        base = known.first ?? .unknown
        bases = known
        self.signing = signing
    }

    /// The URLs below a base, where no request is at hand.
    init(base: String, signing: URLSigning? = nil) { self.init(publicURL: base, called: nil, signing: signing) }

    func message(_ index: Int, in session: SessionID) -> String { url(of: .message(session, index)) }

    /// - Parameter version: Stands in the URL, so that whoever has taken a state over sees whether it is another one now.
    func state(of session: SessionID, version: Int) -> String { url(of: .state(session), query: "?v=\(version)") }

    private func url(of resource: SessionResource, query: String = "") -> String {
        var query = query
        if let origin {
            query += "\(query.isEmpty ? "?" : "&")\(SessionLink.originName)=\(origin.mark(of: resource))"
        }
        return signing?.url(of: resource, at: base, query: query) ?? base.description + resource.path + query
    }

    /// What a URL leads to if it leads to this server, or to another one on the same storage. Whether it is signed does not matter
    /// here.
    func ownResource(_ url: String) -> SessionResource? {
        for base in bases {
            if let path = base.path(of: url), let resource = SessionResource(path: path) { return resource }
        }
        return origin?.resource(of: url)
    }

    /// Whether a URL carries a mark, and does not lead to this server by its name.
    func isMarkedElsewhere(_ url: String) -> Bool { ownResource(url) == nil && SessionLink(url).origin != nil }

    /// Whether a URL lets its bearer read what it leads to: where URLs are signed, only one that is.
    func lets(_ url: String, read resource: SessionResource) -> Bool {
        signing?.signed(url, for: resource) ?? true
    }

    /// A link of a history or a state as others can use it: paths are the server's own, and are signed when they are given out.
    func absolute(_ link: String) -> String {
        guard link.hasPrefix("/") else { return link }
        return SessionResource(path: link).map { url(of: $0) } ?? base.description + link
    }
}
