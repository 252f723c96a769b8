// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("Runs that were deleted for good")
struct DeletedRunsTests {
    private let start = ContinuousClock.now

    @Test("A run is remembered for the period, and forgotten with a later one")
    func period() {
        var deleted = DeletedRuns()
        deleted.insert("a", now: start)
        #expect(deleted.contains("a", now: start) && !deleted.contains("b", now: start))
        #expect(deleted.contains("a", now: start + RunCommit.deletionPeriod * 0.99))
        let end = start + RunCommit.deletionPeriod
        #expect(!deleted.contains("a", now: end) && deleted.count == 1)
        deleted.insert("b", now: end)
        #expect(deleted.contains("b", now: end) && deleted.count == 1)
    }

    @Test("A run that was deleted again is remembered from then on")
    func twice() {
        var deleted = DeletedRuns()
        deleted.insert("a", now: start)
        deleted.insert("a", now: start + RunCommit.deletionPeriod * 0.5)
        deleted.insert("b", now: start + RunCommit.deletionPeriod)
        #expect(deleted.contains("a", now: start + RunCommit.deletionPeriod * 1.4))
        deleted.insert("c", now: start + RunCommit.deletionPeriod * 1.5)
        #expect(!deleted.contains("a", now: start + RunCommit.deletionPeriod * 1.5))
        #expect(deleted.contains("b", now: start + RunCommit.deletionPeriod * 1.5) && deleted.count == 2)
    }

    @Test("The number of runs is limited: the oldest are forgotten")
    func limit() {
        var deleted = DeletedRuns()
        let runs = (0..<100_010).map { RunID(rawValue: "run-\($0)") ?? RunID() }
        for run in runs { deleted.insert(run, now: start) }
        #expect(deleted.count == 100_000)
        #expect(!deleted.contains(runs[9], now: start) && deleted.contains(runs[10], now: start))
    }
}
