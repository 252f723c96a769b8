// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import RedisTestSupport

/// Measures everything in one sitting, prints the figures as tables in Markdown, and writes them to a page of the guide.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scripts/bench",
        abstract: "Measures the server, its storages and the Redis client, beside what they are compared with.",
        discussion: """
            Parts:
            \(Part.allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n"))
            """
    )

    @Argument(help: "The parts to measure. (default: all of them)")
    var parts: [Part] = []

    @Flag(help: "Short measurements, for a first impression.")
    var quick = false

    @Option(help: "The page whose figures are replaced by these. (default: none)")
    var write: String?

    @Option(help: .hidden)
    var python: String?

    @Option(help: .hidden)
    var pythonServer = "Benchmarks/python/sdk_server.py"

    func run() async throws {
        OpenFiles.raiseLimit()
        let interruption = Interruption()
        defer { interruption.forget() }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bench-\(UInt32.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        guard let program = Bundle.main.executableURL else { throw BenchError("where this program is cannot be told") }
        let sitting = Sitting(
            isQuick: quick, programs: program.deletingLastPathComponent(), python: python, pythonServer: pythonServer,
            folder: folder)

        let machine =
            Machine.description(python: python) + (quick ? " A quick sitting, for a first impression." : "")
        print("\(machine)\n")
        var sections: [Section] = []
        var failed: [Part] = []
        for part in parts.isEmpty ? Part.allCases : parts {
            sitting.progress("\(part.rawValue): \(part.meaning)")
            do {
                let section = try await part.measure(in: sitting)
                print(section.markdown)
                sections.append(section)
            } catch {
                // The others are measured all the same.
                sitting.progress("\(part.rawValue) failed: \(error)")
                failed.append(part)
            }
        }
        let aims = sections.flatMap(\.aims)
        let summary = aims.isEmpty ? "" : "### Aims and what was reached\n\n\(Aim.table(aims).markdown)\n"
        print(summary)
        sitting.progress("the end")
        guard failed.isEmpty else {
            throw BenchError("these parts failed: \(failed.map(\.rawValue).joined(separator: ", "))")
        }
        if let write {
            let figures = ([machine + "\n", summary] + sections.map(\.markdown)).joined(separator: "\n")
            try PerformancePage.write(figures, to: write)
        }
    }
}

/// The parts of a sitting, in the order in which they are measured.
enum Part: String, CaseIterable, ExpressibleByArgument {
    case sync, stream, processes, storages, listing, client, memory, start

    var meaning: String {
        switch self {
        case .sync: "sync runs per second, beside a bare HTTP route and the Python SDK"
        case .stream: "events per second, time to the first one, and what one more part costs"
        case .processes: "two and four server processes on one Redis"
        case .storages: "commits and reads of each storage by itself"
        case .listing: "a page of runs, out of up to a million"
        case .client: "the Redis client, beside redis-benchmark"
        case .memory: "an idle server, 10,000 followers, 10,000 runs that await an answer"
        case .start: "from the start of a process to its first answer"
        }
    }

    func measure(in sitting: Sitting) async throws -> Section {
        switch self {
        case .sync: try await measureSync(in: sitting)
        case .stream: try await measureStreams(in: sitting)
        case .processes: try await measureProcesses(in: sitting)
        case .storages: try await measureStorages(in: sitting)
        case .listing: try await measureListing(in: sitting)
        case .client: try await measureClient(in: sitting)
        case .memory: try await measureMemory(in: sitting)
        case .start: try await measureStart(in: sitting)
        }
    }
}
