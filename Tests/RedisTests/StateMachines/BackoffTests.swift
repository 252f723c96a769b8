// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("Backoff")
struct BackoffTests {
    private static let backoff = Backoff(initial: .milliseconds(100), limit: .seconds(1))

    @Test(
        "Pauses double with each failure up to the limit",
        arguments: [(0, 100), (1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (64, 1_000), (Int.max, 1_000)])
    func doubling(_ failures: Int, _ milliseconds: Int) {
        #expect(Self.backoff.pause(afterFailures: failures, random: 0) == .milliseconds(Int64(milliseconds)))
    }

    @Test("A pause is randomly shortened by up to half", arguments: [(0.0, 400), (0.5, 300), (1.0, 200)])
    func chance(_ random: Double, _ milliseconds: Int) {
        #expect(Self.backoff.pause(afterFailures: 3, random: random) == .milliseconds(Int64(milliseconds)))
    }
}
