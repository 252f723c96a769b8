// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A period in which a stream has no connection. It reports its start and its end once each.
struct Outage {
    private let identity: RunIdentity
    private let report: (@Sendable (ACPClient.StreamConnectionChange) -> Void)?
    private var beginning: ContinuousClock.Instant?

    init(_ identity: RunIdentity, _ configuration: ACPClient.Configuration) {
        self.identity = identity
        report = configuration.onStreamConnectionChange
    }

    /// The duration so far.
    var length: Duration { beginning.map { .now - $0 } ?? .zero }

    mutating func begin(reason: String) {
        guard beginning == nil else { return }
        beginning = .now
        report?(.lost(run: identity.runID, reason: reason))
    }

    mutating func end() {
        guard beginning != nil else { return }
        beginning = nil
        report?(.restored(run: identity.runID))
    }
}

extension Duration {
    /// The duration in whole seconds for messages: `12 s`.
    var wholeSeconds: String { components.seconds < 1 ? "a second" : "\(components.seconds) s" }
}
