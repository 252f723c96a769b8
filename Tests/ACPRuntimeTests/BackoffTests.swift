// SPDX-License-Identifier: Apache-2.0

@testable import ACPRuntime
import Testing

@Suite("Backoff")
struct BackoffTests {
    @Test("Each delay lies between half and all of a ceiling that doubles up to the limit")
    func ceiling() {
        for _ in 0..<200 {
            var backoff = Backoff(first: .milliseconds(50), limit: .milliseconds(300))
            for ceiling in [50, 100, 200, 300, 300, 300] {
                let wait = backoff.next()
                #expect(wait >= .milliseconds(ceiling) / 2 && wait <= .milliseconds(ceiling))
            }
        }
    }

    @Test("Clients that failed together try again at different times")
    func spread() {
        let waits = Set(
            (0..<100).map { _ in
                var backoff = Backoff()
                return backoff.next()
            })
        #expect(waits.count > 50)
    }
}
