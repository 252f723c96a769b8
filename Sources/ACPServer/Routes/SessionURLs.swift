// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
import Hummingbird

/// The URLs under which this server serves what belongs to sessions.
struct SessionURLs: Sendable {
    /// The server's own URL, without a slash at its end.
    let base: String
    private let parsedBase: LinkURL?

    init(_ request: Request, _ configuration: ServerConfiguration) {
        self.init(base: configuration.publicURL ?? "http://\(request.head.authority ?? "localhost")")
    }

    init(base: String) {
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        parsedBase = try? LinkURL(self.base)
    }

    func message(_ index: Int, in session: SessionID) -> String {
        base + SessionResource.message(session, index).path
    }

    func state(of session: SessionID) -> String { base + SessionResource.state(session).path }

    /// A link of a history or a state as others can use it: paths are the server's own.
    func absolute(_ link: String) -> String { link.hasPrefix("/") ? base + link : link }

    /// What a URL leads to, if it is one of this server's. Its query does not matter.
    func ownResource(_ url: String) -> SessionResource? {
        guard let parsedBase, let url = try? LinkURL(url), url.origin == parsedBase.origin else { return nil }
        let prefix = parsedBase.path == "/" ? "" : parsedBase.path
        guard url.path.hasPrefix(prefix) else { return nil }
        return SessionResource(path: String(url.path.dropFirst(prefix.count)))
    }
}

/// What this server serves of a session, wherever the server is.
enum SessionResource: Sendable, Hashable {
    case message(SessionID, Int)
    case state(SessionID)

    /// Without what the server's own URL begins with.
    var path: String {
        switch self {
        case .message(let session, let index): "/sessions/\(session)/history/\(index)"
        case .state(let session): "/sessions/\(session)/state"
        }
    }

    init?(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].isEmpty, parts[1] == "sessions", let name = parts[2].removingPercentEncoding,
            let id = SessionID(rawValue: name)
        else { return nil }
        switch (parts[3], parts.count) {
        case ("state", 4): self = .state(id)
        case ("history", 5):
            guard parts[4].utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains), let index = Int(parts[4])
            else { return nil }
            self = .message(id, index)
        default: return nil
        }
    }
}
