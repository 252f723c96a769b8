// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The command line tool: serves agents, calls them, watches and ends their runs.
@main
struct ACPCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acp",
        abstract: "Serves and calls agents that speak the Agent Communication Protocol.",
        discussion: """
            Start a server with example agents, and call one from another terminal:

              acp serve
              acp agents
              acp run greeter Ada

            Where the server is, and the token it asks for, are taken from --url and --token, or from the environment \
            (ACP_URL, ACP_TOKEN).

            Exit codes:
              0   done
              1   the run failed or was cancelled
              2   the server cannot be reached, or answered with an error
              3   the run asks something and waits for the answer
              64  the command line is wrong
              130, 143  serve was ended by a second SIGINT or SIGTERM
            """,
        version: "0.1.0",
        subcommands: [
            ServeCommand.self, AgentsCommand.self, RunCommand.self, RunsCommand.self, StatusCommand.self,
            EventsCommand.self, ResumeCommand.self, CancelCommand.self, DeleteCommand.self, SessionCommand.self,
            ProcessesCommand.self, StorageCommand.self,
        ]
    )
}
