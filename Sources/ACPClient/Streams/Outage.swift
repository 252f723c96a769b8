// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Time in which a stream has no connection: reports its beginning and its end, each once.
struct Outage {
    private let identity: RunIdentity
    private let report: (@Sendable (ACPClient.StreamConnectionChange) -> Void)?
    private var beginning: ContinuousClock.Instant?

    init(_ identity: RunIdentity, _ configuration: ACPClient.Configuration) {
        self.identity = identity
        report = configuration.onStreamConnectionChange
    }

    /// How long it has lasted.
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
    /// As people write it, in whole seconds: `12 s`.
    var wholeSeconds: String { components.seconds < 1 ? "a second" : "\(components.seconds) s" }
}
