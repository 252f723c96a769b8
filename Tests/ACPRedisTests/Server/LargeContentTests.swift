// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Logging
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Large contents in Redis")
struct LargeContentTests {
    private static let size = 1_048_576
    private static let text = String(repeating: "large ", count: size / 6)

    private func engine(_ storage: RedisStorage, limit: Int?) throws -> RunEngine {
        let engine = RunEngine(
            storage: storage, configuration: EngineConfiguration(inlineContentLimit: limit),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try engine.agents.addAgent("large") { _ in Message(parts: [.text(Self.text)]) }
        return engine
    }

    /// Returns what a run with one part of a mebibyte sends to Redis and stores there, in mebibytes.
    private func cost(limit: Int?) async throws -> (sent: Double, kept: Double) {
        let server = try await RedisTestServer.start()
        let storage = try RedisStorage(url: server.url)
        let engine = try engine(storage, limit: limit)
        let (sent, kept) = try await withClient(server.url) { client in
            func sent() async throws -> Int {
                let info = try await client.send("INFO", "stats").string ?? ""
                let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_net_input_bytes:") }
                return Int(line?.split(separator: ":").last ?? "") ?? 0
            }
            let before = try await sent()
            let run = try await engine.execute(RunRequest(agent: "large", input: ["hello"], session: "s"))
            let after = try await sent()
            #expect(run.text == Self.text)
            var kept = 0
            for try await key in client.scan() {
                kept += try await client.send("MEMORY", "USAGE", key, "SAMPLES", 0).int ?? 0
            }
            // A later reader, in whatever process, finds the complete output.
            let other = try self.engine(storage, limit: nil)
            #expect(try await other.fetchRun(run.id) == run)
            #expect(try await other.storage.runs(RunQuery(.session("s"))).items == [run])
            let history: [HistoryEntry] = try await other.storage.history(of: "s")
            #expect(history.last == run.output.first.map { .message($0) })
            var events: [Event] = []
            for try await batch in other.follow(run.id) { events += try batch.events.map { try $0.decode() } }
            #expect(events.contains(.messagePart(.text(Self.text))))
            #expect(events.last == .runCompleted(run))
            await other.shutdown()
            return (after - before, kept)
        }
        await engine.shutdown()
        await storage.close()
        let mebibyte = Double(Self.size)
        return (Double(sent) / mebibyte, Double(kept) / mebibyte)
    }

    @Test("A part of a mebibyte is sent to Redis twice, for the run and for the history, and is stored twice")
    func cost() async throws {
        let inline = try await cost(limit: nil)
        let once = try await cost(limit: 65_536)
        #expect(once.sent < 2.1 && once.kept < 2.7, "\(once)")
        // The part, the message, the end of the run, its snapshot, the history.
        #expect(inline.sent > 4.9, "\(inline)")
        #expect(inline.kept > 1.9 * once.kept, "\(inline), \(once)")
    }
}
