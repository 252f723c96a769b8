// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Lists runs, newest first.",
        discussion: """
            At most one of --agent, --session and --status can be used. --status finds only runs that have not ended. \
            Other ACP servers may not support this command.

            Examples:
              acp runs
              acp runs --agent slow --limit 50
              acp runs --status awaiting --json | jq -r '.runs[].run_id'
            """
    )

    @OptionGroup var options: ClientOptions

    @Option(help: "List only runs of this agent.", transform: AgentName.argument)
    var agent: AgentName?

    @Option(help: "List only runs of this session.", transform: SessionID.argument)
    var session: SessionID?

    @Option(help: "List only runs with this status: created, in-progress, awaiting or cancelling.")
    var status: RunStatus?

    @Option(help: "The maximum number of runs, 1 to 1000.")
    var limit = 10

    @Option(help: "The number of runs to skip.")
    var offset = 0

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit must be 1 to 1000.") }
        guard offset >= 0 else { throw ValidationError("--offset must not be negative.") }
        let filters = [agent != nil, session != nil, status != nil].filter { $0 }.count
        guard filters <= 1 else {
            throw ValidationError("At most one of --agent, --session and --status can be used.")
        }
        guard status?.isTerminal != true else {
            throw ValidationError("Runs that have ended cannot be listed by status.")
        }
    }

    func run() async throws {
        try await options.call { client in
            var page = try await client.runs(
                agent: agent, session: session, status: status, limit: limit, offset: offset)
            // Pages of large runs may be shorter than the limit.
            while page.runs.count < limit, let next = page.nextOffset {
                let more = try await client.runs(
                    agent: agent, session: session, status: status, limit: limit - page.runs.count, offset: next)
                if more.runs.isEmpty { break }
                page = RunsListResponse(runs: page.runs + more.runs, total: more.total, nextOffset: more.nextOffset)
            }
            if options.json { return try Console.print(document: page) }
            guard !page.runs.isEmpty else { return Console.note("No runs found.") }
            var table = Table("RUN", "AGENT", "STATUS", "CREATED", "SESSION")
            for run in page.runs {
                table.add(
                    .init(run.id.rawValue), .init(run.agentName.rawValue), run.status.cell,
                    .init("\(run.createdAt)"), .init(run.sessionID?.rawValue ?? "", .dim))
            }
            try table.print()
            if offset + page.runs.count < page.total {
                Console.note("\(page.runs.count) of \(page.total); next page: --offset \(offset + page.runs.count)")
            }
        }
    }
}
