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

/// A separate process for the tests of `ACPSQLite`: one that can be killed, and one with fewer rights than the tests.
///
///     SQLiteTestProcess write PATH     commits, and prints every acknowledged commit, until it is killed
///     SQLiteTestProcess hold PATH      opens the database, prints "open", and waits
///     SQLiteTestProcess fill PATH      fills the disk of PATH, executes the steps of FullDisk, and prints the results
///     SQLiteTestProcess open PATH      drops the rights of root, opens the database, commits, and prints the results
@main
enum SQLiteTestProcess {
    static func main() async throws {
        guard CommandLine.arguments.count == 3 else { exit(64) }
        let path = CommandLine.arguments[2]
        endWithInput()
        switch CommandLine.arguments[1] {
        case "write": try await write(path)
        case "hold": try await hold(path)
        case "open": await open(path)
        case "fill": try await FullDisk(path).run(say)
        default: exit(64)
        }
    }

    /// Ends the process when its standard input ends, which the operating system ensures when the tests end in whatever
    /// way.
    private static func endWithInput() {
        Thread.detachNewThread {
            while readLine() != nil {}
            exit(0)
        }
    }

    /// Writes a complete line at once.
    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data((line + "\n").utf8))
    }

    private static func write(_ path: String) async throws {
        let storage = try SQLiteStorage(path: path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while true { try await writeRun(storage) }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func writeRun(_ storage: SQLiteStorage) async throws {
        let run = Run(agentName: "writer", sessionID: "session", status: .inProgress)
        let owner = RunOwner(process: ProcessID())
        var count = 0
        for step in 0..<8 {
            let events = try (0...step % 3).map { index in
                try EncodedEvent(.messagePart(.text("\(run.id) \(count + index)")))
            }
            let isFirst = count == 0
            let snapshot = step % 3 == 0 ? try RunSnapshot(run, eventCount: 0) : nil
            let block = try HistoryBlock(run: run.id, input: [Message("\(run.id)")], output: [])
            try await storage.commit(
                RunCommit(
                    run: run.id, expecting: count, events: events, snapshot: snapshot, owner: owner,
                    input: isFirst ? try Encoded([Message("input of \(run.id)")], as: "the input") : nil,
                    history: step == 7 ? HistoryAppend(block, to: "session") : nil))
            count += events.count
            say("\(run.id) \(count)")
        }
        say("\(run.id) history")
    }

    private static func hold(_ path: String) async throws {
        let storage = try SQLiteStorage(path: path)
        say("open")
        try await Task.sleep(for: .seconds(3_600))
        try await storage.close()
    }

    private static func open(_ path: String) async {
        if getuid() == 0 {
            guard setgid(65_534) == 0, setuid(65_534) == 0 else { return say("the rights of root cannot be given up") }
        }
        do {
            let storage = try SQLiteStorage(path: path)
            try await storage.save(Run(agentName: "writer"))
            try await storage.close()
            say("opened")
        } catch let error as StorageError {
            say("\(error.code): \(error.message)")
        } catch {
            say("\(error)")
        }
    }
}
