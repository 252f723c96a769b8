// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows the status of a run.",
        discussion: """
            The exit code is 0 whatever the status. With --wait, it reports how the run ended.

            Examples:
              acp status 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e
              acp status 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e --wait && echo completed
              acp status 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e --json | jq -r .status
            """
    )

    @OptionGroup var options: ClientOptions

    @Flag(help: "Wait until the run ends or awaits an answer, at most for --timeout seconds.")
    var wait = false

    @Argument(help: "The run's id.", transform: RunID.argument)
    var run: RunID

    func run() async throws {
        try await options.call { client in
            let current =
                wait
                ? try await client.wait(for: run, timeout: options.timeout.map { .seconds($0) })
                : try await client.fetchRun(run)
            if options.json { try Console.print(document: current) } else { try show(current) }
            guard wait else { return }
            if current.status == .awaiting { throw ExitStatus.awaiting.code }
            if current.status != .completed { throw ExitStatus.unsuccessful.code }
        }
    }

    private func show(_ run: Run) throws {
        var lines = [
            "run       \(run.id)", "agent     \(run.agentName)", "status    \(run.status.style(run.status.rawValue))",
        ]
        if let session = run.sessionID { lines.append("session   \(session)") }
        lines.append("created   \(run.createdAt)")
        if let finishedAt = run.finishedAt { lines.append("finished  \(finishedAt)") }
        if let error = run.error { lines.append("error     \("\(error)".printable)") }
        // Some servers keep the question after it has been answered.
        if run.status == .awaiting, let question = run.awaitRequest { lines.append("asks      \(question.shown)") }
        if !run.output.isEmpty { lines += [""] + run.output.map(\.shown) }
        try Console.print(lines.joined(separator: "\n"))
    }
}
