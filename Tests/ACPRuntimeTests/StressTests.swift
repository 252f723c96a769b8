// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Testing

@Suite("Stress", .timeLimit(.minutes(10)))
struct StressTests {
    /// An agent whose input is the seed of what it does.
    private static func chaos(_ context: RunContext) async throws {
        var random = SeededGenerator(seed: UInt64(context.input[0].text) ?? 0)
        for step in 0..<Int.random(in: 0..<25, using: &random) {
            switch Int.random(in: 0..<12, using: &random) {
            case 0...3: try await context.yield("\(step) ")
            case 4: try await context.yield(.artifact(name: "file-\(step)", content: "x"))
            case 5: try await context.yield(Message("whole \(step)"))
            case 6: try await context.yield(generic: ["step": step])
            case 7: try await context.flush()
            case 8: _ = try await context.awaitMessage("\(step)?")
            case 9:
                // Asks, but soon stops waiting.
                let question = Task { try await context.awaitMessage("quick \(step)?") }
                for _ in 0..<Int.random(in: 0..<20, using: &random) { await Task.yield() }
                question.cancel()
                _ = await question.result
            case 10: try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            default: await Task.yield()
            }
        }
        if Int.random(in: 0..<6, using: &random) == 0 { throw ACPError("chaos", "as it happens") }
    }

    @Test(
        "Every run ends or awaits an answer, and its events are valid",
        arguments: RandomCases.some(of: [1, 2, 3, 4] as [UInt64]), [false, true])
    func chaos(seed: UInt64, faulty: Bool) async throws {
        let storage = ScriptedStorage()
        if faulty {
            // Faults depend on the number of the attempt. A commit that fails is repeated, so they end.
            for number in 1..<20_000 where number % 97 == 0 {
                storage.onCommit(number, .failure(StorageError(.timedOut, "slow")))
            }
            for number in 1..<20_000 where number % 61 == 0 { storage.onCommit(number, .lostAnswer) }
        }
        let engines = [makeEngine(storage), makeEngine(storage)]
        for engine in engines { try engine.agents.addAgent("chaos") { try await Self.chaos($0) } }
        let services = engines.map { engine in Task { try await engine.run() } }
        let ids = try await withThrowingTaskGroup(of: RunID?.self) { group in
            for number in 0..<120 {
                group.addTask { try await Self.live(seed: seed * 1_000 + UInt64(number), number: number, engines) }
            }
            return try await group.reduce(into: []) { $0.append($1) }.compactMap(\.self)
        }
        #expect(ids.count >= 115)
        for id in ids {
            try await eventually("\(id) ends or awaits an answer") {
                let status = try await storage.run(id)?.status
                return status?.isSettled == true
            }
        }
        for id in ids { try await expectSound(id, in: storage) }
        let completed = try await withThrowingTaskGroup(of: Int.self) { group in
            for id in ids { group.addTask { try await storage.run(id)?.status == .completed ? 1 : 0 } }
            return try await group.reduce(0, +)
        }
        var blocks = 0
        for number in 0..<5 {
            let history = try await storage.history(of: SessionID(stringLiteral: "s-\(number)"))
            blocks +=
                history.filter { if case .message(let message) = $0 { message.role == .user } else { false } }
                .count
        }
        #expect(blocks == completed, "each completed run has its input in the history, once")
        #expect(storage.record.mostAtOnce == 1)
        for service in services { service.cancel() }
        for service in services { try await service.value }
        for id in ids {
            #expect(try await storage.run(id)?.status.isTerminal == true)
            try await expectSound(id, in: storage)
        }
    }

    /// One run: it is started on one engine, and followed, answered and cancelled on either.
    private static func live(seed: UInt64, number: Int, _ engines: [RunEngine]) async throws -> RunID? {
        var random = SeededGenerator(seed: seed)
        let id: RunID
        do {
            id = try await engines[number % 2].start(
                "chaos", Message("\(seed)"), session: SessionID(stringLiteral: "s-\(number % 5)"))
        } catch let error as RunEngineError where error.storageError?.code == .timedOut {
            return nil
        }
        let cancelsAfter = Int.random(in: 0..<40, using: &random)
        var seen: [EncodedEvent] = []
        let reader = engines[Int.random(in: 0...1, using: &random)]
        for try await batch in reader.follow(id) {
            #expect(batch.offset == seen.count)
            seen += batch.events
            let actor = engines[Int.random(in: 0...1, using: &random)]
            if seen.count > cancelsAfter { _ = await refusal { _ = try await actor.cancel(id) } }
            guard seen.last?.kind == .runAwaiting else { continue }
            // Some are answered twice at once, some never: those stay awaiting, unless their handlers stop waiting.
            if number % 10 == 9 { return id }
            let other = engines[Int.random(in: 0...1, using: &random)]
            // If the run asks again at once, the second answer may be one to its next question.
            async let first = try? actor.resume(id, "a").eventCount
            async let second = try? other.resume(id, "b").eventCount
            let answered = await [first, second].compactMap(\.self)
            #expect(Set(answered).count == answered.count, "each question accepts one answer")
        }
        #expect(seen == (try await reader.events(of: id)))
        return id
    }
}
