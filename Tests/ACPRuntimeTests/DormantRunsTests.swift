// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPRuntime

@Suite("The queue of dormant runs")
struct DormantRunsTests {
    private func time(_ seconds: Int64) -> Timestamp { Timestamp(microseconds: seconds * 1_000_000) }

    private func run(_ seconds: Int64?) -> DormantRun {
        DormantRun(
            owner: RunOwner(process: ProcessID(rawValue: "p"), token: "t"), eventCount: 3, checkTime: seconds.map(time))
    }

    @Test("Runs are due in the order of their times, once, and not after they were removed")
    func order() throws {
        var runs = DormantRuns()
        let ids = (0..<5).map { _ in RunID() }
        for (id, seconds) in zip(ids, [30, 10, nil, 20, 40] as [Int64?]) { runs.insert(id, run(seconds)) }
        #expect(runs.count == 5 && runs.nextCheck == time(10))
        #expect(runs.takeDue(at: time(9), includesFailed: true) == [])
        #expect(runs.remove(ids[3]) != nil && runs.remove(ids[3]) == nil)
        #expect(runs.takeDue(at: time(30), includesFailed: true) == [ids[1], ids[0]])
        #expect(runs.takeDue(at: time(30), includesFailed: true) == [])
        #expect(runs.contains(ids[0]), "it remains dormant")
        runs.insert(ids[0], run(35))
        #expect(runs.takeDue(at: time(50), includesFailed: true) == [ids[0], ids[4]])
    }

    @Test("Runs that could not be continued are due when these are requested")
    func failed() {
        var runs = DormantRuns()
        let id = RunID()
        runs.insert(id, run(nil), isDue: true)
        #expect(runs.takeDue(at: time(50), includesFailed: false) == [])
        #expect(runs.takeDue(at: time(0), includesFailed: true) == [id])
        #expect(runs.takeDue(at: time(0), includesFailed: true) == [])
    }

    @Test("The checks of runs that are not dormant any more are removed from time to time")
    func compaction() {
        var runs = DormantRuns()
        let kept = (0..<10).map { _ in RunID() }
        for id in kept { runs.insert(id, run(5)) }
        for _ in 0..<100_000 {
            let id = RunID()
            runs.insert(id, run(1_000))
            _ = runs.remove(id)
        }
        #expect(runs.checkCount < 3_000)
        #expect(Set(runs.takeDue(at: time(5), includesFailed: false)) == Set(kept))
    }
}
