// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Testing

@Suite("Load")
struct LoadTests {
    @Test("2,000 sync runs over 32 connections complete, each with its own id and result")
    func manyRuns() async throws {
        try await withServer { serving in
            var configuration = HTTPClient.Configuration()
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
            let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            let url = serving.url + "/runs"
            let next = Counter()
            let runs = await withTaskGroup(of: [Result<Run, any Error>].self) { group in
                for _ in 0..<32 {
                    group.addTask {
                        var runs: [Result<Run, any Error>] = []
                        while case let number = next.add(), number <= 2_000 {
                            do {
                                var request = HTTPClientRequest(url: url)
                                request.method = .POST
                                request.body = .bytes(Array(RunningServer.runJSON("echo", "number \(number)").utf8))
                                let response = try await http.execute(request, timeout: .seconds(60))
                                let body = try await response.body.collect(upTo: 1 << 20)
                                let run = try ACPJSON.decode(Run.self, from: body.readableBytesView)
                                #expect(run.status == .completed && run.text == "number \(number)")
                                runs.append(.success(run))
                            } catch {
                                runs.append(.failure(error))
                            }
                        }
                        return runs
                    }
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            try await http.shutdown()
            #expect(runs.count == 2_000)
            #expect(Set(try runs.map { try $0.get().id }).count == 2_000)
            #expect(Set(try runs.map { try $0.get().sessionID }).count == 2_000)
            #expect(serving.server.engine.activeRuns == 0)
            #expect(try await serving.client.runs(limit: 1).total == 2_000)
        }
    }

    @Test("Concurrent runs of one session lose no message and duplicate none")
    func oneSession() async throws {
        try await withServer { serving in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        _ = try await serving.client.run(agent: "echo", input: "\(number)", session: "one")
                    }
                }
                try await group.waitForAll()
            }
            let texts = try await serving.client.messages(of: "one").map(\.text)
            #expect(texts.count == 200)
            #expect(
                stride(from: 0, to: 200, by: 2).allSatisfy { texts[$0] == texts[$0 + 1] }, "each run's block is whole")
            #expect(Set(texts).count == 100)
        }
    }
}
