// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Lists runs, the newest first.",
        discussion: """
            At most one of --agent, --session and --status may be given. Only runs that have not ended can be found by \
            their status. Servers of other makes may not have this list.

            Examples:
              acp runs
              acp runs --agent slow --limit 50
              acp runs --status awaiting --json | jq -r '.runs[].run_id'
            """
    )

    @OptionGroup var options: ClientOptions

    @Option(help: "Only runs of this agent.", transform: AgentName.argument)
    var agent: AgentName?

    @Option(help: "Only runs of this session.", transform: SessionID.argument)
    var session: SessionID?

    @Option(help: "Only runs of this status: created, in-progress, awaiting or cancelling.")
    var status: RunStatus?

    @Option(help: "How many at most, 1 to 1000.")
    var limit = 10

    @Option(help: "How many to skip.")
    var offset = 0

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit has to be 1 to 1000.") }
        guard offset >= 0 else { throw ValidationError("--offset may not be negative.") }
        let filters = [agent != nil, session != nil, status != nil].filter { $0 }.count
        guard filters <= 1 else {
            throw ValidationError("At most one of --agent, --session and --status may be given.")
        }
        guard status?.isTerminal != true else {
            throw ValidationError("Runs that have ended cannot be found by their status.")
        }
    }

    func run() async throws {
        try await options.call { client in
            var page = try await client.runs(
                agent: agent, session: session, status: status, limit: limit, offset: offset)
            // Pages of large runs are shorter than they may be.
            while page.runs.count < limit, let next = page.nextOffset {
                let more = try await client.runs(
                    agent: agent, session: session, status: status, limit: limit - page.runs.count, offset: next)
                if more.runs.isEmpty { break }
                page = RunsListResponse(runs: page.runs + more.runs, total: more.total, nextOffset: more.nextOffset)
            }
            if options.json { return try Console.print(document: page) }
            guard !page.runs.isEmpty else { return Console.note("There are no such runs.") }
            var table = Table("RUN", "AGENT", "STATUS", "CREATED", "SESSION")
            for run in page.runs {
                table.add(
                    .init(run.id.rawValue), .init(run.agentName.rawValue), run.status.cell,
                    .init("\(run.createdAt)"), .init(run.sessionID?.rawValue ?? "", .dim))
            }
            try table.print()
            if offset + page.runs.count < page.total {
                Console.note("\(page.runs.count) of \(page.total); the next: --offset \(offset + page.runs.count)")
            }
        }
    }
}
