// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct DeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Deletes a run that has ended, with its events.",
        discussion: """
            The run's messages remain in its session. Other ACP servers may not support this command.

            Example:
              acp delete 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e
            """
    )

    @OptionGroup var options: ClientOptions

    @Argument(help: "The run's id.", transform: RunID.argument)
    var run: RunID

    func run() async throws {
        try await options.call { client in
            try await client.deleteRun(run)
            if options.json {
                try Console.print(document: ["deleted": run.rawValue])
            } else {
                try Console.print("\(run) deleted")
            }
        }
    }
}
