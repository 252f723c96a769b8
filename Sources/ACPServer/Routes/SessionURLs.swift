// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// The URLs under which this server serves what belongs to sessions.
struct SessionURLs: Sendable {
    /// The server's own URL, without a slash at its end.
    let base: String

    init(_ request: Request, _ configuration: ServerConfiguration) {
        if let url = configuration.publicURL {
            base = url.hasSuffix("/") ? String(url.dropLast()) : url
        } else {
            base = "http://\(request.head.authority ?? "localhost")"
        }
    }

    func message(_ index: Int, in session: SessionID) -> String {
        "\(base)/sessions/\(session)/history/\(index)"
    }

    func state(of session: SessionID) -> String { "\(base)/sessions/\(session)/state" }

    /// Those of a descriptor's URLs that another server serves.
    func foreign(_ urls: [String], in session: SessionID) -> [String] {
        let own = "\(base)/sessions/\(session)/"
        return urls.filter { !$0.hasPrefix(own) }
    }
}
