// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPRuntime

@Suite("Places of runs")
struct RunPlacesTests {
    @Test("runs get a place up to the limit, then they wait, and then they are refused")
    func limits() {
        var places = RunPlaces(limit: 2, waitingLimit: 1)
        #expect(places.admit("a", mayBegin: true) == .begins)
        #expect(places.admit("b", mayBegin: true) == .begins)
        #expect(places.admit("c", mayBegin: true) == .waits)
        #expect(places.admit("d", mayBegin: true) == .refused)
        #expect(places.running == ["a", "b"] && places.waiting == ["c"])
    }

    @Test("those that wait get the places of those that leave, in the order in which they lined up")
    func order() {
        var places = RunPlaces(limit: 1, waitingLimit: 5)
        _ = places.admit("a", mayBegin: true)
        for run in ["b", "c", "d"] as [RunID] { #expect(places.admit(run, mayBegin: true) == .waits) }
        #expect(places.leave("a") == [], "nobody stands in line before it is stored")
        #expect(places.lineUp("c"), "there is a place")
        #expect(!places.lineUp("b"))
        #expect(!places.lineUp("d"))
        #expect(!places.lineUp("b"), "lining up twice changes nothing")
        #expect(places.admit("e", mayBegin: true) == .waits, "nobody overtakes those that wait")
        #expect(places.leave("c") == ["b"])
        #expect(places.leave("b") == ["d"])
        #expect(places.leave("d") == [])
        #expect(places.lineUp("e"))
    }

    @Test("one that waits and goes away is not called, and one that left already frees nothing twice")
    func goingAway() {
        var places = RunPlaces(limit: 1, waitingLimit: 5)
        _ = places.admit("a", mayBegin: true)
        for run in ["b", "c"] as [RunID] {
            _ = places.admit(run, mayBegin: true)
            _ = places.lineUp(run)
        }
        #expect(places.leave("b") == [])
        #expect(places.leave("a") == ["c"])
        #expect(places.leave("a") == [])
        #expect(places.running == ["c"] && places.waiting.isEmpty)
        #expect(!places.lineUp("unknown"))
    }

    @Test("runs that come back take a place where there is none, and nobody follows before there is one again")
    func taking() {
        var places = RunPlaces(limit: 1, waitingLimit: 5)
        _ = places.admit("a", mayBegin: true)
        places.take("back")
        _ = places.admit("b", mayBegin: true)
        _ = places.lineUp("b")
        #expect(places.leave("a") == [])
        #expect(places.leave("back") == ["b"])
    }

    @Test("a run that waits for its turn is no burden while there are places")
    func turns() {
        var places = RunPlaces(limit: 1, waitingLimit: 1)
        #expect(places.admit("a", mayBegin: false) == .waits)
        #expect(places.admit("b", mayBegin: false) == .waits, "the place is free")
        #expect(places.lineUp("a"))
        #expect(places.admit("c", mayBegin: false) == .refused)
    }
}
