// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Heartbeats and signals.
enum ProcessChecks {
    static let all = [
        StorageCheck("A process is alive after its heartbeat and no more after it left", heartbeat),
        StorageCheck("A heartbeat runs out, unless it is renewed", expiry),
        StorageCheck("Signals are stored once per key, and the first one counts", keys),
        StorageCheck("A signal that was sent while nobody listened is found later", lateReader),
        StorageCheck("Of many tasks that send the same signal at once, one is told that it was the first", sendAtOnce),
        StorageCheck("Signals can be forgotten and sent anew", forget),
        StorageCheck("A signal is announced to the process that owns the run", announcement),
        StorageCheck("Many signals sent at once are all announced", manyAnnouncements),
    ]

    static func heartbeat(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let (first, second, never) = (ProcessID(), ProcessID(), ProcessID())
        try await coordination.heartbeat(of: first, timeToLive: .seconds(600))
        try await coordination.heartbeat(of: second, timeToLive: .seconds(600))
        var live = try await coordination.liveProcesses()
        try context.expect(live.isSuperset(of: [first, second]), "processes with a fresh heartbeat are missing")
        try context.expect(!live.contains(never), "a process without a heartbeat is alive")
        try await coordination.leave(first)
        try await coordination.leave(never)
        live = try await coordination.liveProcesses()
        try context.expect(!live.contains(first), "a process that left is still alive")
        try context.expect(live.contains(second), "a process is gone after another one left")
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
        try await context.eventually("the heartbeat that was not renewed runs out") {
            try await !coordination.liveProcesses().contains(forgotten)
        }
        let live = try await coordination.liveProcesses()
        try context.expect(live.contains(renewed), "a renewed heartbeat ran out when its first one would have")
        try await coordination.leave(renewed)
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
            let told = try await coordination.send(signal, to: run, ownedBy: nil)
            try context.expect("whether \(signal.key) is new", told, is: isNew)
            if isNew { expected.insert(signal) }
            let found = try await coordination.signals(to: run)
            try context.expect("how many signals there are", found.count, is: expected.count)
            try context.expect("the signals", Set(found), is: expected)
        }
        let other = try await RunWriter.create(context.newRun(), on: context.storage).run.id
        try context.expect("another run's signals", try await coordination.signals(to: other), is: [])
    }

    static func lateReader(_ context: CheckContext) async throws {
        let writer = try await RunWriter.create(context.newRun(), on: context.storage)
        let coordination = context.storage.coordination
        let signal = RunSignal.resume(answer("yes"), eventCount: 2)
        try await coordination.send(signal, to: writer.run.id, ownedBy: writer.owner.process)
        _ = try await coordination.announcements(to: writer.owner.process)
        // Reading does not use them up: they are needed again when a run is replayed.
        for _ in 0..<3 {
            let found = try await coordination.signals(to: writer.run.id)
            try context.expect("the signals", found, is: [signal])
        }
    }

    static func sendAtOnce(_ context: CheckContext) async throws {
        let run = try await RunWriter.create(context.newRun(), on: context.storage).run.id
        let coordination = context.storage.coordination
        let told = try await atOnce(50) { number in
            try await coordination.send(.resume(answer("\(number)"), eventCount: 7), to: run, ownedBy: nil)
        }
        let winners = told.indices.filter { told[$0] }
        try context.expect("how many were told that theirs is new", winners.count, is: 1)
        let found = try await coordination.signals(to: run)
        try context.expect("the signals", found, is: [.resume(answer("\(winners[0])"), eventCount: 7)])
    }

    static func forget(_ context: CheckContext) async throws {
        let run = try await RunWriter.create(context.newRun(), on: context.storage).run.id
        let coordination = context.storage.coordination
        try await coordination.forgetSignals(to: run)
        for _ in 0..<2 {
            let told = try await coordination.send(.cancel, to: run, ownedBy: nil)
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
            try await coordination.send(signal, to: writer.run.id, ownedBy: writer.owner.process)
            let found = try await context.next("the announcement of \(signal.key)", of: announcements)
            try context.expect(
                found == .signal(writer.run.id) || found == .gap, "the announcement is for another run: \(found)")
        }
    }

    static func manyAnnouncements(_ context: CheckContext) async throws {
        let coordination = context.storage.coordination
        let process = ProcessID()
        let announcements = try await coordination.announcements(to: process)
        let runs = try await atOnce(100) { _ in
            let owner = RunOwner(process: process)
            return try await RunWriter.create(context.newRun(), on: context.storage, owner: owner).run.id
        }
        _ = try await atOnce(runs.count) { number in
            try await coordination.send(.cancel, to: runs[number], ownedBy: process)
        }
        var missing = Set(runs)
        while !missing.isEmpty {
            switch try await context.next("announcements of \(missing.count) more runs", of: announcements) {
            case .signal(let run): missing.remove(run)
            // Then the process looks at all its runs itself.
            case .gap: missing = []
            }
        }
        for run in runs {
            try context.expect("the signals", try await coordination.signals(to: run), is: [.cancel])
        }
    }
}
