// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Owners of runs, claims and fencing.
enum OwnerChecks {
    static let all = [
        StorageCheck("After a claim the old owner is fenced, and its commits change nothing", fencing),
        StorageCheck("A new token of the same process fences its old one", sameProcess),
        StorageCheck("A process that never owned a run is fenced", unknownOwner),
        StorageCheck("A claim must name the current owner", wrongOwner),
        StorageCheck("A run can be claimed many times, and only the last owner can write it", successiveClaims),
        StorageCheck("A claim changes nothing but the owner", claimAlone),
        StorageCheck("A run that was saved without an engine has no owner, and can be claimed", claimWithoutOwner),
        StorageCheck("The unfinished runs of a process are found, and only those", ownedRuns),
    ]

    static func fencing(_ context: CheckContext) async throws {
        let storage = context.storage
        var old = try await RunWriter.create(context.newRun(), on: storage)
        let last = try await old.write(context.parts(0..<3))
        var new = old
        new.owner = RunOwner(process: ProcessID())
        let claimed = try await storage.claim(old.run.id, for: new.owner, from: old.owner)
        try context.expect("the claim", claimed, is: true)
        try await context.expectStored(new)
        for snapshot in [true, false] {
            var zombie = old
            let commit = try zombie.next([old.run.becoming(.failed)], snapshot: snapshot)
            try await context.expectError(.fenced, "a commit by the old owner") { try await storage.commit(commit) }
            try await context.expectStored(new)
        }
        try await context.expectError(.fenced, "repeating a commit of the old owner") {
            try await storage.commit(last)
        }
        try await context.expectError(.fenced, "a snapshot by the old owner") {
            var zombie = old
            try await storage.commit(try zombie.next([], snapshot: true))
        }
        try await new.write(context.parts(3..<5), snapshot: true)
        try await new.become(.completed)
        try await context.expectStored(new)
        try await context.expectError(.fenced, "a commit by the old owner after the end") {
            var zombie = old
            try await storage.commit(try zombie.next([old.run.becoming(.failed)], snapshot: true))
        }
        try await context.expectStored(new)
    }

    static func sameProcess(_ context: CheckContext) async throws {
        let process = ProcessID()
        let first = RunOwner(process: process)
        var old = try await RunWriter.create(context.newRun(), on: context.storage, owner: first)
        var new = old
        new.owner = RunOwner(process: process)
        let claimed = try await context.storage.claim(old.run.id, for: new.owner, from: first)
        try context.expect("the claim", claimed, is: true)
        try await context.expectError(.fenced, "a commit with the old token") {
            try await context.storage.commit(try old.next(context.parts(0..<2)))
        }
        try await new.write(context.parts(0..<3))
        try await context.expectStored(new)
        let owned = try await context.storage.runs(ownedBy: process, limit: 10)
        try context.expect("the process's runs", owned, is: [new.run.id])
    }

    static func unknownOwner(_ context: CheckContext) async throws {
        let writer = try await RunWriter.create(context.newRun(), on: context.storage)
        var stranger = writer
        stranger.owner = RunOwner(process: ProcessID())
        try await context.expectError(.fenced, "a commit by a process that never owned the run") {
            try await context.storage.commit(try stranger.next(context.parts(0..<1), snapshot: true))
        }
        // The process and the token must both match.
        stranger = writer
        stranger.owner.process = ProcessID()
        try await context.expectError(.fenced, "a commit by another process with the owner's token") {
            try await context.storage.commit(try stranger.next(context.parts(0..<1), snapshot: true))
        }
        var creator = RunWriter(writer.run, on: context.storage)
        try await context.expectError(.fenced, "creating a run that another owner has created") {
            try await context.storage.commit(
                try creator.next(RunWriter.firstEvents(of: writer.run), snapshot: true))
        }
        try await context.expectStored(writer)
    }

    static func wrongOwner(_ context: CheckContext) async throws {
        let storage = context.storage
        let writer = try await RunWriter.create(context.newRun(), on: storage)
        let claimer = RunOwner(process: ProcessID())
        var otherToken = writer.owner
        otherToken.token = RunOwner(process: writer.owner.process).token
        var otherProcess = writer.owner
        otherProcess.process = ProcessID()
        let wrong: [RunOwner?] = [nil, otherToken, otherProcess, claimer]
        for current in wrong {
            let claimed = try await storage.claim(writer.run.id, for: claimer, from: current)
            try context.expect("a claim from another owner", claimed, is: false)
        }
        try await context.expectStored(writer)
        let owned = try await storage.runs(ownedBy: claimer.process, limit: 10)
        try context.expect("the runs of a process whose claim failed", owned, is: [])
    }

    static func successiveClaims(_ context: CheckContext) async throws {
        var writer = try await RunWriter.create(context.newRun(), on: context.storage)
        var former: [RunOwner] = []
        for number in 0..<30 {
            let next = RunOwner(process: ProcessID())
            let claimed = try await context.storage.claim(writer.run.id, for: next, from: writer.owner)
            try context.expect("claim \(number)", claimed, is: true)
            former.append(writer.owner)
            writer.owner = next
            try await writer.write(context.parts([number]), snapshot: number.isMultiple(of: 7))
        }
        for owner in former {
            var zombie = writer
            zombie.owner = owner
            let commit = try zombie.next(context.parts([0]))
            try await context.expectError(.fenced, "a commit by a former owner") {
                try await context.storage.commit(commit)
            }
            let owned = try await context.storage.runs(ownedBy: owner.process, limit: 10)
            try context.expect("the runs of a former owner", owned, is: [])
        }
        try await context.expectStored(writer)
    }

    static func claimAlone(_ context: CheckContext) async throws {
        let storage = context.storage
        var writer = try await RunWriter.create(context.newRun(), on: storage, input: ["hello"])
        try await writer.become(.inProgress)
        try await writer.become(.awaiting)
        try await storage.coordination.send(.cancel, to: writer.run.id)
        let claimer = RunOwner(process: ProcessID())
        _ = try await storage.claim(writer.run.id, for: claimer, from: writer.owner)
        writer.owner = claimer
        try await context.expectStored(writer)
        try context.expect("the input", try await storage.input(of: writer.run.id)?.map(\.text), is: ["hello"])
        let signals = try await storage.coordination.signals(to: writer.run.id)
        try context.expect("the signals", signals, is: [.cancel])
        for filter in [RunQuery.Filter.agent(context.agent), .session(context.session)] {
            let listed = try await storage.runs(RunQuery(filter))
            try context.expect("the runs of \(filter)", listed.items, is: [writer.run])
        }
    }

    static func claimWithoutOwner(_ context: CheckContext) async throws {
        let storage = context.storage
        let run = context.newRun(.inProgress)
        try await storage.save(run)
        var writer = RunWriter(run, on: storage)
        try await context.expectError(.fenced, "a commit to a run without an owner, without a claim") {
            var intruder = writer
            try await storage.commit(try intruder.next([.generic("hello")], snapshot: true))
        }
        let claimed = try await storage.claim(run.id, for: writer.owner, from: nil)
        try context.expect("a claim of a run without an owner", claimed, is: true)
        let again = try await storage.claim(run.id, for: RunOwner(process: ProcessID()), from: nil)
        try context.expect("a second claim of a run without an owner", again, is: false)
        try await writer.write([.generic("hello")])
        try await context.expectStored(writer)
        let owned = try await storage.runs(ownedBy: writer.owner.process, limit: 10)
        try context.expect("the process's runs", owned, is: [run.id])
    }

    static func ownedRuns(_ context: CheckContext) async throws {
        let storage = context.storage
        let process = ProcessID()
        let statuses: [RunStatus?] = [nil, .inProgress, .awaiting, .cancelling, .completed, .failed, .cancelled, nil]
        var writers: [RunWriter] = []
        for status in statuses {
            var writer = try await RunWriter.create(
                context.newRun(), on: storage, owner: RunOwner(process: process))
            if let status { try await writer.become(status) }
            writers.append(writer)
        }
        _ = try await RunWriter.create(context.newRun(), on: storage)
        var expected = Set(writers.filter { !$0.run.status.isTerminal }.map(\.run.id))
        try await expectOwned(expected, by: process, context)
        for (limit, count) in [(0, 0), (-1, 0), (1, 1), (3, 3), (5, 5), (6, 5), (Int.max, 5)] {
            let found = try await storage.runs(ownedBy: process, limit: limit)
            try context.expect("the number of runs with limit \(limit)", found.count, is: count)
            try context.expect(expected.isSuperset(of: found), "with limit \(limit) there are other runs: \(found)")
        }
        // One run is claimed by another process, one ends, one is deleted.
        let successor = RunOwner(process: ProcessID())
        _ = try await storage.claim(writers[0].run.id, for: successor, from: writers[0].owner)
        try await writers[1].become(.completed)
        try await storage.deleteRun(writers[2].run.id)
        expected.subtract(writers[0...2].map(\.run.id))
        try await expectOwned(expected, by: process, context)
        try await expectOwned([writers[0].run.id], by: successor.process, context)
    }

    private static func expectOwned(
        _ expected: Set<RunID>, by process: ProcessID, _ context: CheckContext
    ) async throws {
        let found = try await context.storage.runs(ownedBy: process, limit: 100)
        try context.expect("the process's unfinished runs", Set(found), is: expected)
        try context.expect("their number", found.count, is: expected.count)
    }
}
