// SPDX-License-Identifier: Apache-2.0

/// A period in which a stream has no connection. It reports its start and its end once each.
package struct Outage {
    private let onLoss: (_ reason: String) -> Void
    private let onRestoration: () -> Void
    private var beginning: ContinuousClock.Instant?

    package init(onLoss: @escaping (_ reason: String) -> Void, onRestoration: @escaping () -> Void) {
        self.onLoss = onLoss
        self.onRestoration = onRestoration
    }

    /// The duration so far.
    package var length: Duration { beginning.map { .now - $0 } ?? .zero }

    package mutating func begin(reason: String) {
        guard beginning == nil else { return }
        beginning = .now
        onLoss(reason)
    }

    package mutating func end() {
        guard beginning != nil else { return }
        beginning = nil
        onRestoration()
    }
}

extension Duration {
    /// The duration in whole seconds for messages: `12 s`.
    package var wholeSeconds: String { components.seconds < 1 ? "a second" : "\(components.seconds) s" }
}
