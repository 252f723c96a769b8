// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The command line tool: serves and calls agents, follows and cancels their runs.
@main
struct ACPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acp",
        abstract: "Serves and calls agents over the Agent Communication Protocol (ACP), and calls those of A2A.",
        discussion: """
            Start a server with example agents, and call one from another terminal:

              acp serve
              acp agents
              acp run greeter Ada

            Call an agent of the Agent2Agent protocol (A2A):

              acp card https://agents.example/weather
              acp run --a2a https://agents.example/weather "What is the weather in Lyon?"

            The server's URL and its token are taken from --url and --token, or from the environment variables ACP_URL \
            and ACP_TOKEN.

            Exit codes:
              0   success
              1   the run failed or was cancelled, or acp check has found a mistake
              2   the server cannot be reached, or responded with an error
              3   the run awaits an answer
              64  the command line or the configuration is not valid
              130, 143  serve was ended by a second SIGINT or SIGTERM
            """,
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, CheckCommand.self, AgentsCommand.self, RunCommand.self, RunsCommand.self,
            StatusCommand.self,
            EventsCommand.self, ResumeCommand.self, CancelCommand.self, DeleteCommand.self, SessionCommand.self,
            ProcessesCommand.self, StorageCommand.self, CardCommand.self,
        ]
    )
}
