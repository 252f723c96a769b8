// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The signed URLs that came with the request of a run. They may be valid for longer than those of the same resources
/// that were stored when the session was moved here.
struct ForwardedLinks: Sendable {
    private let freshest: [String: SessionLink]

    init(_ urls: [String] = []) {
        freshest = Dictionary(
            urls.map(SessionLink.init).filter { $0.expires != nil }.map { ($0.identity, $0) },
            uniquingKeysWith: { $1.outlives($0) ? $1 : $0 })
    }

    /// Returns the URL to use in place of one that is stored: the one that is valid for longer.
    func freshest(of url: String) -> String {
        if freshest.isEmpty { return url }
        let kept = SessionLink(url)
        guard let newer = freshest[kept.identity], newer.outlives(kept) else { return url }
        return newer.url
    }
}
