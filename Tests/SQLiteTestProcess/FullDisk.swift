// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#endif

/// The steps on a full disk: on a small one that is mounted for this purpose and contains nothing else.
///
/// Each line reports a finding: a test compares them.
struct FullDisk {
    private let path: String
    private let filler: String

    init(_ path: String) {
        self.path = path
        filler = path + ".filler"
    }

    func run(_ say: (String) -> Void) async throws {
        var storage = try SQLiteStorage(path: path)
        let process = ProcessID()
        try await storage.coordination.heartbeat(of: process, timeToLive: .seconds(60))

        // The disk is full for a while, and then not any more.
        var first = Writer()
        try await storage.commit(try first.next(count: 1, size: 10))
        fill()
        let refused = try first.next(count: 3, size: 100)
        say("commit \(await code { for _ in 0..<200 { try await storage.commit(try Writer.single()) } })")
        say("again \(await code { try await storage.commit(try Writer.single()) })")
        say(
            "heartbeat \(await code { try await storage.coordination.heartbeat(of: process, timeToLive: .seconds(60)) })"
        )
        try FileManager.default.removeItem(atPath: filler)
        say(
            "with room \(await code { try await storage.commit(refused) }) \(try await storage.eventCount(of: first.run.id))"
        )
        say(
            "heartbeat \(await code { try await storage.coordination.heartbeat(of: process, timeToLive: .seconds(60)) })"
        )

        // The disk is full of runs, with long ones of small events and of large ones.
        var writers: [Writer] = []
        for (count, size) in [(1_500, 150), (20, 20_000)] {
            var writer = Writer()
            for _ in 0..<(count / 10) { try await storage.commit(try writer.next(count: 10, size: size)) }
            writers.append(writer)
        }
        while true {
            var writer = Writer()
            let commit = try writer.next(count: 10, size: 1_000)
            guard await code({ try await storage.commit(commit) }) == "ok" else { break }
            writers.append(writer)
        }
        fill()
        say("full \(await code { for _ in 0..<200 { try await storage.commit(try Writer.single()) } })")
        say("delete \(await code { for writer in writers.prefix(2) { try await storage.deleteRun(writer.run.id) } })")
        say("left \(try await storage.eventCount(of: writers[0].run.id) + storage.eventCount(of: writers[1].run.id))")
        say("then \(await code { for _ in 0..<20 { try await storage.commit(try Writer.single()) } })")
        say(
            "heartbeat \(await code { try await storage.coordination.heartbeat(of: process, timeToLive: .seconds(60)) })"
        )

        // The storage is opened again on a full disk.
        try await storage.close()
        fill()
        storage = try SQLiteStorage(path: path)
        say(
            "opened \(await code { for writer in writers.dropFirst(2) { try await storage.deleteRun(writer.run.id) } })"
        )
        say("removed \(await code { try await storage.removeAll() }) \(try await storage.runs(RunQuery()).total)")
        say("commits \(await code { for _ in 0..<20 { try await storage.commit(try Writer.single()) } })")
        try await storage.close()
    }

    /// Fills all free space.
    private func fill() {
        guard let file = fopen(filler, "ab") else { return }
        defer { fclose(file) }
        for size in [65_536, 4_096, 512, 1] {
            let block = [UInt8](repeating: 1, count: size)
            while fwrite(block, size, 1, file) == 1, fflush(file) == 0 {}
        }
    }

    private func code(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "ok"
        } catch let error as StorageError {
            return "\(error.code)"
        } catch {
            return "\(error)"
        }
    }

    /// A run that is being written.
    private struct Writer {
        let run = Run(agentName: "writer", status: .completed)
        let owner = RunOwner(process: ProcessID())
        var count = 0

        /// The first commit of a small run.
        static func single() throws -> RunCommit {
            var writer = Writer()
            return try writer.next(count: 1, size: 100)
        }

        mutating func next(count new: Int, size: Int) throws -> RunCommit {
            let event = try EncodedEvent(.messagePart(.text(String(repeating: "x", count: size))))
            defer { count += new }
            return RunCommit(
                run: run.id, expecting: count, events: [EncodedEvent](repeating: event, count: new),
                snapshot: count == 0 ? try RunSnapshot(run, eventCount: 0) : nil, owner: owner)
        }
    }
}
