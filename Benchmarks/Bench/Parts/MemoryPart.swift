// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import Foundation

/// Measures the memory of a server: alone, with followers, with runs that await an answer.
func measureMemory(in bench: BenchSession) async throws -> Section {
    let wanted = bench.pick(10_000, quick: 2_000)
    // Both ends of a connection are in processes with this limit of open files.
    let followers = min(wanted, OpenFiles.raiseLimit() - 200)
    let rounds = bench.roundCount
    var section = Section("Memory")
    section.note(
        """
        The resident memory of a server process, as the operating system reports it: after its start and one run; \
        the increase with \(Figure.whole(Double(followers))) clients that follow 100 runs without output, each on a connection of its \
        own, in the first round after they have been idle \
        \(bench.isQuick ? "for 3 seconds" : "for 35 seconds, two keep-alive comments included"); \
        and the increase, in another process, with \(Figure.whole(Double(wanted))) runs that await an answer; \
        \(bench.rounds(rounds)), each with new processes, medians (lowest–highest).
        """)
    if followers < wanted {
        section.note("The limit of open files (`ulimit -Hn`) does not allow more followers.")
    }
    var table = Table(["storage", "idle", "followers", "one follower", "awaiting runs", "one awaiting run"])
    for storage in [StorageKind.memory, .redis] {
        var idle = Series()
        var following = Series()
        var follower = Series()
        var awaiting = Series()
        var waiter = Series()
        for round in 1...rounds {
            let pause = round > 1 ? Duration.seconds(1) : bench.pick(.seconds(35), quick: .seconds(3))
            let memory = try await followerMemory(storage, followers, idleFor: pause, in: bench)
            idle.add(memory.idle)
            following.add(memory.following)
            follower.add(memory.following / Double(followers))
            let awaited = try await awaitingMemory(storage, wanted, in: bench)
            awaiting.add(awaited)
            waiter.add(awaited / Double(wanted))
        }
        table.add([storage.title] + [idle, following, follower, awaiting, waiter].map { $0.text(Figure.memory) })
        section.aim(
            "one idle follower, \(storage.title)", "under 12 KiB of memory", measured: follower.text(Figure.memory),
            isReached: follower.median < 12)
        if storage == .redis {
            section.aim(
                "one awaiting run, \(storage.title)", "under 1 KiB of memory", measured: waiter.text(Figure.memory),
                isReached: waiter.median < 1)
        }
    }
    if let server = try await bench.sdkServer("memory") {
        defer { server.stop() }
        table.add(["Python SDK, memory", Figure.memory(try server.memory()), "–", "–", "–", "–"])
    }
    section.add(table)
    return section
}

/// Returns the memory of an idle server, and the increase for followers, in KiB.
private func followerMemory(
    _ storage: StorageKind, _ count: Int, idleFor pause: Duration, in bench: BenchSession
) async throws -> (idle: Double, following: Double) {
    let backing = try await Backing.start(storage, in: bench.folder)
    let server = try await bench.server(backing.form)
    defer {
        server.stop()
        backing.stop()
    }
    // Memory that the very first request needs counts as the server's, not as a follower's.
    let client = try ACPClient("http://127.0.0.1:\(server.port)")
    _ = try await client.run(agent: "echo", input: "Hello")
    let idle = try server.memory()
    var runs: [String] = []
    for _ in 0..<100 { runs.append(try await client.start(agent: "silent", input: "Hello").id.rawValue) }
    let before = try server.memory()
    let followers = try await Followers.open(count, of: runs, port: server.port, on: bench.group)
    let atOnce = try server.memory()
    try await Task.sleep(for: pause)
    let later = try server.memory()
    guard followers.count == count else { throw BenchError("only \(followers.count) of \(count) followers stayed") }
    bench.progress(
        "memory, \(storage.title): \(Figure.memory(idle)) idle, \(Figure.memory(before)) with 100 runs, "
            + "\(Figure.memory(atOnce)) with \(count) followers, \(Figure.memory(later)) a while later")
    try await followers.close()
    try await client.close()
    return (idle, max(atOnce, later) - before)
}

/// Returns the increase of memory for runs that await an answer, in KiB.
private func awaitingMemory(_ storage: StorageKind, _ count: Int, in bench: BenchSession) async throws -> Double {
    let backing = try await Backing.start(storage, in: bench.folder)
    let server = try await bench.server(backing.form)
    defer {
        server.stop()
        backing.stop()
    }
    let client = try ACPClient("http://127.0.0.1:\(server.port)")
    _ = try await client.agents()
    let before = try server.memory()
    let callers = 16
    try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<callers {
            group.addTask {
                for _ in stride(from: caller, to: count, by: callers) {
                    // The response follows when the run awaits.
                    let run = try await client.run(agent: "asker", input: "Hello")
                    guard run.status == .awaiting else { throw BenchError("a run is \(run.status) and not awaiting") }
                }
            }
        }
        try await group.waitForAll()
    }
    let memory = try server.memory()
    bench.progress(
        "memory, \(storage.title): \(Figure.memory(before)) without, \(Figure.memory(memory)) with \(count) awaiting runs"
    )
    try await client.close()
    return memory - before
}
