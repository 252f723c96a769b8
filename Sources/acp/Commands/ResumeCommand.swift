// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Answers the question of a run, and prints the agent's further output.",
        discussion: """
            Examples:
              acp resume 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e Ada
              acp resume 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e Ada --stream
              echo Ada | acp resume 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e - --async
            """
    )

    @OptionGroup var options: ClientOptions
    @OptionGroup var mode: ModeOptions

    @Argument(help: "The run's id.", transform: RunID.argument)
    var run: RunID

    @Argument(help: "The answer, or - to read it from the standard input.")
    var text: String

    func run() async throws {
        let answer = try readText(text)
        try await options.call { client in
            var presenter = RunPresenter(client: client, asJSON: options.json)
            if text == "-" { presenter.canAsk = false }
            if mode.isAsync {
                try printStarted(try await client.start(resuming: run, with: answer), options)
            } else if mode.stream {
                try await presenter.present(try await client.stream(resuming: run, with: answer))
            } else {
                try await presenter.present(try await client.resume(run, with: answer))
            }
        }
    }
}
