// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPRuntime

@Suite("Run limiter")
struct RunLimiterTests {
    @Test("Runs are active up to the limit, then queued, and then refused")
    func limits() {
        var limiter = RunLimiter(activeLimit: 2, queuedLimit: 1)
        let result1 = limiter.admit("a", isReady: true)
        #expect(result1 == .active)
        let result2 = limiter.admit("b", isReady: true)
        #expect(result2 == .active)
        let result3 = limiter.admit("c", isReady: true)
        #expect(result3 == .queued)
        let result4 = limiter.admit("d", isReady: true)
        #expect(result4 == .refused)
        #expect(limiter.active == ["a", "b"] && limiter.queued == ["c"])
    }

    @Test("Queued runs become active in the order in which they were ready")
    func order() {
        var limiter = RunLimiter(activeLimit: 1, queuedLimit: 5)
        _ = limiter.admit("a", isReady: true)
        for run in ["b", "c", "d"] as [RunID] {
            let result = limiter.admit(run, isReady: true)
            #expect(result == .queued)
        }
        let result6 = limiter.remove("a")
        #expect(result6 == [], "a run is not ready before it is stored")
        let result7 = limiter.markReady("c")
        #expect(result7, "there is capacity")
        let result8 = limiter.markReady("b")
        #expect(!result8)
        let result9 = limiter.markReady("d")
        #expect(!result9)
        let result10 = limiter.markReady("b")
        #expect(!result10, "marking a run as ready twice changes nothing")
        let result11 = limiter.admit("e", isReady: true)
        #expect(result11 == .queued, "no run overtakes those that are queued")
        let result12 = limiter.remove("c")
        #expect(result12 == ["b"])
        let result13 = limiter.remove("b")
        #expect(result13 == ["d"])
        let result14 = limiter.remove("d")
        #expect(result14 == [])
        let result15 = limiter.markReady("e")
        #expect(result15)
    }

    @Test("A queued run that is removed does not become active, and removing a run twice frees nothing more")
    func goingAway() {
        var limiter = RunLimiter(activeLimit: 1, queuedLimit: 5)
        _ = limiter.admit("a", isReady: true)
        for run in ["b", "c"] as [RunID] {
            _ = limiter.admit(run, isReady: true)
            _ = limiter.markReady(run)
        }
        let result16 = limiter.remove("b")
        #expect(result16 == [])
        let result17 = limiter.remove("a")
        #expect(result17 == ["c"])
        let result18 = limiter.remove("a")
        #expect(result18 == [])
        #expect(limiter.active == ["c"] && limiter.queued.isEmpty)
        let result19 = limiter.markReady("unknown")
        #expect(!result19)
    }

    @Test("Runs that return are active above the limit, and no queued run is before there is capacity again")
    func taking() {
        var limiter = RunLimiter(activeLimit: 1, queuedLimit: 5)
        _ = limiter.admit("a", isReady: true)
        limiter.activate("back")
        _ = limiter.admit("b", isReady: true)
        _ = limiter.markReady("b")
        let result20 = limiter.remove("a")
        #expect(result20 == [])
        let result21 = limiter.remove("back")
        #expect(result21 == ["b"])
    }

    @Test("A run that waits for its turn is not refused while there is capacity")
    func turns() {
        var limiter = RunLimiter(activeLimit: 1, queuedLimit: 1)
        let result22 = limiter.admit("a", isReady: false)
        #expect(result22 == .queued)
        let result23 = limiter.admit("b", isReady: false)
        #expect(result23 == .queued, "there is capacity")
        let result24 = limiter.markReady("a")
        #expect(result24)
        let result25 = limiter.admit("c", isReady: false)
        #expect(result25 == .refused)
    }
}
