// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import RedisTestSupport

/// Measures everything in one session, prints the figures as tables in Markdown, and writes them to pages of the
/// guide.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench",
        abstract:
            "Measures the server, its storages and the Redis client, and the programs that they are compared with.",
        discussion: """
            Parts:
            \(Part.allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n"))
            """
    )

    @Argument(help: "The parts to measure. (default: all of them)")
    var parts: [Part] = []

    @Flag(help: "Short measurements, for a first impression.")
    var quick = false

    @Option(help: "How often each figure with an aim is measured. (default: 5, with --quick 2)")
    var rounds: Int?

    @Option(help: "The page whose figures are replaced by these. (default: none)")
    var write: String?

    @Option(help: "The page whose costs and commands per shard are replaced by these. (default: none)")
    var writeScaling: String?

    @Option(help: .hidden)
    var python: String?

    @Option(help: .hidden)
    var pythonServer = "Benchmarks/python/sdk_server.py"

    func validate() throws {
        if let rounds, !(1...100).contains(rounds) { throw ValidationError("--rounds is a number from 1 to 100") }
    }

    func run() async throws {
        OpenFiles.raiseLimit()
        let interruption = Interruption()
        defer { interruption.forget() }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bench-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        guard let program = Bundle.main.executableURL else { throw BenchError("the path of this program is not known") }
        let bench = BenchSession(
            isQuick: quick, roundCount: rounds ?? (quick ? 2 : 5), programs: program.deletingLastPathComponent(),
            python: python, pythonServer: pythonServer,
            folder: folder)

        let check = try await QuietCheck.measure()
        if let warning = check.warning { bench.progress(warning) }
        let machine =
            "\(Machine.description(python: python)) \(check.description)"
            + (quick ? " A quick measurement, for a first impression." : "")
        print("\(machine)\n")
        var sections: [(part: Part, section: Section)] = []
        var failed: [Part] = []
        for part in parts.isEmpty ? Part.allCases : parts {
            bench.progress("\(part.rawValue): \(part.meaning)")
            do {
                let section = try await part.measure(in: bench)
                print(section.markdown)
                sections.append((part, section))
            } catch {
                // The other parts are measured nevertheless.
                bench.progress("\(part.rawValue) failed: \(error)")
                failed.append(part)
            }
        }
        let aims = sections.flatMap(\.section.aims)
        let summary = aims.isEmpty ? "" : "### Aims and what was reached\n\n\(Aim.table(aims).markdown)\n"
        print(summary)
        bench.progress("the end")
        guard failed.isEmpty else {
            throw BenchError("these parts failed: \(failed.map(\.rawValue).joined(separator: ", "))")
        }
        if let write {
            let figures = sections.filter { !$0.part.isOfScaling }.map(\.section.markdown)
            try GuidePage.write(
                ([machine + "\n", summary] + figures).joined(separator: "\n"), named: "figures", to: write)
        }
        if let writeScaling {
            for (part, section) in sections where part.isOfScaling {
                try GuidePage.write("\(machine)\n\n\(section.markdown)", named: part.rawValue, to: writeScaling)
            }
        }
    }
}

/// The parts of a measurement, in their order.
enum Part: String, CaseIterable, ExpressibleByArgument {
    case sync, production, a2a, stream, processes, storages, listing, client, memory, start, costs, shards

    var meaning: String {
        switch self {
        case .sync: "sync runs per second, compared with a bare HTTP route and the Python SDK"
        case .production: "the same with principals, metrics and logs, compared with a server without them"
        case .a2a: "the same run over A2A, compared with ACP"
        case .stream: "events per second, time to the first one, and the cost of one more part"
        case .processes: "two and four server processes on one Redis"
        case .storages: "commits and reads of each storage by itself, and pgbench beside PostgreSQL"
        case .listing: "a page of up to a million runs"
        case .client: "the Redis client, compared with redis-benchmark"
        case .memory: "an idle server, 10,000 followers, 10,000 runs that await an answer"
        case .start: "from the start of a process to its first response"
        case .costs: "what a run, an event, a follower and an awaiting run cost on each storage"
        case .shards: "the commands per master on Redis Clusters of one to eight masters"
        }
    }

    /// Whether the figures belong to the page of the cost model.
    var isOfScaling: Bool { self == .costs || self == .shards }

    func measure(in bench: BenchSession) async throws -> Section {
        switch self {
        case .sync: try await measureSync(in: bench)
        case .production: try await measureProduction(in: bench)
        case .a2a: try await measureA2A(in: bench)
        case .stream: try await measureStreams(in: bench)
        case .processes: try await measureProcesses(in: bench)
        case .storages: try await measureStorages(in: bench)
        case .listing: try await measureListing(in: bench)
        case .client: try await measureClient(in: bench)
        case .memory: try await measureMemory(in: bench)
        case .start: try await measureStart(in: bench)
        case .costs: try await measureCosts(in: bench)
        case .shards: try await measureShards(in: bench)
        }
    }
}
