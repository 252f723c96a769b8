// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Heartbeats and signals.
enum ProcessChecks {
    static let all = [
        StorageCheck("A process is alive after its heartbeat, and no longer after it left", heartbeat),
        StorageCheck("A heartbeat expires unless it is renewed", expiry),
        StorageCheck("A process that left, or whose heartbeat expired, is lost until it is forgotten", lost),
        StorageCheck("When a process leaves, the others are woken", departure),
        StorageCheck("Signals are stored once per key, and the first one is kept", keys),
        StorageCheck("A signal that was sent without a listener is found later", lateReader),
        StorageCheck(
            "Of many tasks that send the same signal at once, one is told that its signal was stored", sendAtOnce),
        StorageCheck("Signals can be forgotten and sent again", forget),
        StorageCheck("A signal is announced to the process that owns the run", announcement),
        StorageCheck("After a claim, signals are announced to the new owner", announcementAfterClaim),
        StorageCheck("Many signals sent at once are all announced", manyAnnouncements),
    ]

    static func heartbeat(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let (first, second, never) = (ProcessID(), ProcessID(), ProcessID())
        try await coordination.heartbeat(of: first, timeToLive: .seconds(600))
        try await coordination.heartbeat(of: second, timeToLive: .seconds(600))
        var live = try await coordination.liveProcesses()
        try context.expect(live.isSuperset(of: [first, second]), "processes with a current heartbeat are missing")
        try context.expect(!live.contains(never), "a process without a heartbeat is alive")
        try await coordination.leave(first)
        try await coordination.leave(never)
        live = try await coordination.liveProcesses()
        try context.expect(!live.contains(first), "a process that left is still alive")
        try context.expect(live.contains(second), "a process is missing after another one left")
        try await coordination.heartbeat(of: first, timeToLive: .seconds(600))
        live = try await coordination.liveProcesses()
        try context.expect(live.contains(first), "a process that came back is not alive")
        for process in [first, second] { try await coordination.leave(process) }
    }

    static func expiry(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let (renewed, forgotten) = (ProcessID(), ProcessID())
        let short = Duration.milliseconds(300)
        try await coordination.heartbeat(of: renewed, timeToLive: short)
        try await coordination.heartbeat(of: renewed, timeToLive: .seconds(600))
        try await coordination.heartbeat(of: forgotten, timeToLive: short)
        try await context.eventually("the heartbeat that was not renewed expires") {
            try await !coordination.liveProcesses().contains(forgotten)
        }
        let live = try await coordination.liveProcesses()
        try context.expect(live.contains(renewed), "a renewed heartbeat expired at the time of the first one")
        try await coordination.leave(renewed)
    }

    static func lost(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let (left, silent, alive, never) = (ProcessID(), ProcessID(), ProcessID(), ProcessID())
        try await coordination.heartbeat(of: left, timeToLive: .seconds(600))
        try await coordination.heartbeat(of: alive, timeToLive: .seconds(600))
        try await coordination.heartbeat(of: silent, timeToLive: .milliseconds(300))
        var lost = try await coordination.lostProcesses()
        try context.expect(lost.isDisjoint(with: [left, alive, never]), "a process with a current heartbeat is lost")
        try await coordination.leave(left)
        try await context.eventually("the process without further heartbeats is lost") {
            try await coordination.lostProcesses().contains(silent)
        }
        // Reading the live processes does not change the lost ones.
        _ = try await coordination.liveProcesses()
        lost = try await coordination.lostProcesses()
        try context.expect(lost.isSuperset(of: [left, silent]), "a process that is lost is not listed as such")
        try context.expect(lost.isDisjoint(with: [alive, never]), "a process that is alive is lost")
        try await coordination.heartbeat(of: silent, timeToLive: .seconds(600))
        for process in [left, silent, alive, never] { try await coordination.forget(process) }
        lost = try await coordination.lostProcesses()
        try context.expect(lost.isDisjoint(with: [left, silent]), "a process is still lost after it was forgotten")
        let live = try await coordination.liveProcesses()
        try context.expect(live.isSuperset(of: [silent, alive]), "a process that is alive was forgotten")
        for process in [silent, alive] {
            try await coordination.leave(process)
            try await coordination.forget(process)
        }
    }

    static func departure(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let (stays, leaves) = (ProcessID(), ProcessID())
        for process in [stays, leaves] { try await coordination.heartbeat(of: process, timeToLive: .seconds(600)) }
        let announcements = try await coordination.announcements(to: stays)
        try await coordination.leave(leaves)
        // In other checks, processes may leave at the same time.
        let found = try await context.next("the departure", of: announcements)
        try context.expect(found == .departure || found == .gap, "the announcement is not a departure: \(found)")
        try await coordination.leave(stays)
        for process in [stays, leaves] { try await coordination.forget(process) }
    }

    static func answer(_ text: String) -> AwaitResume {
        .message(Message(parts: [.text(text)], createdAt: nil, completedAt: nil))
    }

    static func keys(_ context: CheckContext) async throws {
        let run = try await RunWriter.create(context.newRun(), on: context.storage).run.id
        let coordination = context.storage.coordination
        let sent: [(RunSignal, Bool)] = [
            (.resume(answer("first"), eventCount: 3), true), (.resume(answer("second"), eventCount: 3), false),
            (.cancel, true), (.cancel, false), (.resume(answer("third"), eventCount: 30), true),
            (.resume(answer("first"), eventCount: 3), false),
            (.resume(.other(["any": [1, nil]]), eventCount: 0), true),
        ]
        var expected: Set<RunSignal> = []
        for (signal, isNew) in sent {
            let told = try await coordination.send(signal, to: run)
            try context.expect("whether \(signal.key) is new", told, is: isNew)
            if isNew { expected.insert(signal) }
            let found = try await coordination.signals(to: run)
            try context.expect("the number of signals", found.count, is: expected.count)
            try context.expect("the signals", Set(found), is: expected)
        }
        let other = try await RunWriter.create(context.newRun(), on: context.storage).run.id
        try context.expect("another run's signals", try await coordination.signals(to: other), is: [])
    }

    static func lateReader(_ context: CheckContext) async throws {
        let writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let coordination = context.storage.coordination
        let signal = RunSignal.resume(answer("yes"), eventCount: 2)
        try await coordination.send(signal, to: writer.run.id)
        _ = try await coordination.announcements(to: writer.owner.process)
        // Reading does not remove signals: they are required again when a run is replayed.
        for _ in 0..<3 {
            let found = try await coordination.signals(to: writer.run.id)
            try context.expect("the signals", found, is: [signal])
        }
    }

    static func sendAtOnce(_ context: CheckContext) async throws {
        let run = try await RunWriter.create(context.newRun(), on: context.storage).run.id
        let coordination = context.storage.coordination
        let told = try await concurrently(50) { number in
            try await coordination.send(.resume(answer("\(number)"), eventCount: 7), to: run)
        }
        let winners = told.indices.filter { told[$0] }
        try context.expect("the number of tasks that were told that their signal was stored", winners.count, is: 1)
        let found = try await coordination.signals(to: run)
        try context.expect("the signals", found, is: [.resume(answer("\(winners[0])"), eventCount: 7)])
    }

    static func forget(_ context: CheckContext) async throws {
        let run = try await RunWriter.create(context.newRun(), on: context.storage).run.id
        let coordination = context.storage.coordination
        try await coordination.forgetSignals(to: run)
        for _ in 0..<2 {
            let told = try await coordination.send(.cancel, to: run)
            try context.expect("whether the signal is new", told, is: true)
            try await coordination.forgetSignals(to: run)
            try context.expect("the signals", try await coordination.signals(to: run), is: [])
        }
    }

    static func announcement(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let announcements = try await coordination.announcements(to: writer.owner.process)
        for signal in [RunSignal.cancel, .resume(answer("yes"), eventCount: 2)] {
            try await coordination.send(signal, to: writer.run.id)
            let found = try await nextSignal("the announcement of \(signal.key)", of: announcements, context)
            try context.expect(
                found == .signal(writer.run.id) || found == .gap, "the announcement is for another run: \(found)")
        }
    }

    static func announcementAfterClaim(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let successor = RunOwner(process: ProcessID(rawValue: "strange %2F/ process"))
        let claimed = try await context.storage.claim(writer.run.id, for: successor, from: writer.owner)
        try context.expect(claimed, "the run could not be claimed")
        let announcements = try await coordination.announcements(to: successor.process)
        try await coordination.send(.cancel, to: writer.run.id)
        let found = try await nextSignal("the announcement to the new owner", of: announcements, context)
        try context.expect(
            found == .signal(writer.run.id) || found == .gap, "the announcement is for another run: \(found)")
    }

    /// Returns the next announcement of a signal. Departures may be announced at any time if other checks run.
    static func nextSignal(
        _ what: String, of announcements: AsyncStream<SignalAnnouncement>, _ context: CheckContext
    ) async throws -> SignalAnnouncement {
        while true {
            let found = try await context.next(what, of: announcements)
            if found != .departure { return found }
        }
    }

    static func manyAnnouncements(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let process = ProcessID()
        let announcements = try await coordination.announcements(to: process)
        let runs = try await concurrently(100) { _ in
            let owner = RunOwner(process: process)
            return try await RunWriter.create(context.newRun(), on: context.storage, owner: owner).run.id
        }
        _ = try await concurrently(runs.count) { number in
            try await coordination.send(.cancel, to: runs[number])
        }
        var missing = Set(runs)
        while !missing.isEmpty {
            switch try await context.next("announcements of \(missing.count) more runs", of: announcements) {
            case .signal(let run): missing.remove(run)
            // In this case the process checks all its runs.
            case .gap: missing = []
            case .departure: break
            }
        }
        for run in runs {
            try context.expect("the signals", try await coordination.signals(to: run), is: [.cancel])
        }
    }
}
