// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPRuntime

@Suite("Places of runs")
struct RunPlacesTests {
    @Test("runs get a place up to the limit, then they wait, and then they are refused")
    func limits() {
        var places = RunPlaces(limit: 2, waitingLimit: 1)
        let answer1 = places.admit("a", mayBegin: true)
        #expect(answer1 == .begins)
        let answer2 = places.admit("b", mayBegin: true)
        #expect(answer2 == .begins)
        let answer3 = places.admit("c", mayBegin: true)
        #expect(answer3 == .waits)
        let answer4 = places.admit("d", mayBegin: true)
        #expect(answer4 == .refused)
        #expect(places.running == ["a", "b"] && places.waiting == ["c"])
    }

    @Test("those that wait get the places of those that leave, in the order in which they lined up")
    func order() {
        var places = RunPlaces(limit: 1, waitingLimit: 5)
        _ = places.admit("a", mayBegin: true)
        for run in ["b", "c", "d"] as [RunID] {
            let answer = places.admit(run, mayBegin: true)
            #expect(answer == .waits)
        }
        let answer6 = places.leave("a")
        #expect(answer6 == [], "nobody stands in line before it is stored")
        let answer7 = places.lineUp("c")
        #expect(answer7, "there is a place")
        let answer8 = places.lineUp("b")
        #expect(!answer8)
        let answer9 = places.lineUp("d")
        #expect(!answer9)
        let answer10 = places.lineUp("b")
        #expect(!answer10, "lining up twice changes nothing")
        let answer11 = places.admit("e", mayBegin: true)
        #expect(answer11 == .waits, "nobody overtakes those that wait")
        let answer12 = places.leave("c")
        #expect(answer12 == ["b"])
        let answer13 = places.leave("b")
        #expect(answer13 == ["d"])
        let answer14 = places.leave("d")
        #expect(answer14 == [])
        let answer15 = places.lineUp("e")
        #expect(answer15)
    }

    @Test("one that waits and goes away is not called, and one that left already frees nothing twice")
    func goingAway() {
        var places = RunPlaces(limit: 1, waitingLimit: 5)
        _ = places.admit("a", mayBegin: true)
        for run in ["b", "c"] as [RunID] {
            _ = places.admit(run, mayBegin: true)
            _ = places.lineUp(run)
        }
        let answer16 = places.leave("b")
        #expect(answer16 == [])
        let answer17 = places.leave("a")
        #expect(answer17 == ["c"])
        let answer18 = places.leave("a")
        #expect(answer18 == [])
        #expect(places.running == ["c"] && places.waiting.isEmpty)
        let answer19 = places.lineUp("unknown")
        #expect(!answer19)
    }

    @Test("runs that come back take a place where there is none, and nobody follows before there is one again")
    func taking() {
        var places = RunPlaces(limit: 1, waitingLimit: 5)
        _ = places.admit("a", mayBegin: true)
        places.take("back")
        _ = places.admit("b", mayBegin: true)
        _ = places.lineUp("b")
        let answer20 = places.leave("a")
        #expect(answer20 == [])
        let answer21 = places.leave("back")
        #expect(answer21 == ["b"])
    }

    @Test("a run that waits for its turn is no burden while there are places")
    func turns() {
        var places = RunPlaces(limit: 1, waitingLimit: 1)
        let answer22 = places.admit("a", mayBegin: false)
        #expect(answer22 == .waits)
        let answer23 = places.admit("b", mayBegin: false)
        #expect(answer23 == .waits, "the place is free")
        let answer24 = places.lineUp("a")
        #expect(answer24)
        let answer25 = places.admit("c", mayBegin: false)
        #expect(answer25 == .refused)
    }
}
