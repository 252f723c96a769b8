// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// The signed URLs that a run's caller has brought along: they may be usable for longer than those of the same things that were kept
/// when the session came here first.
struct BroughtLinks: Sendable {
    private let freshest: [String: SessionLink]

    init(_ urls: [String] = []) {
        freshest = Dictionary(
            urls.map(SessionLink.init).filter { $0.expires != nil }.map { ($0.identity, $0) },
            uniquingKeysWith: { $1.outlives($0) ? $1 : $0 })
    }

    /// The URL to use for one that was kept.
    func freshest(of url: String) -> String {
        if freshest.isEmpty { return url }
        let kept = SessionLink(url)
        guard let brought = freshest[kept.identity], brought.outlives(kept) else { return url }
        return brought.url
    }
}
