// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs an agent and prints its output.",
        discussion: """
            Examples:
              acp run greeter Ada
              acp run slow "one word after the other" --stream
              cat letter.txt | acp run echo -
              acp run counter "" --session my-session
              acp run recall "" --continue https://other.example/sessions/my-session
              id=$(acp run slow "take your time" --async | cut -d ' ' -f 1)

            If the agent asks a question, the command prompts for the answer. Without a terminal, it prints the question \
            and exits with code 3; answer with `acp resume`. With --json, the run is printed as one document; with --json \
            and --stream, each event as one line.

            A run continues when this command is interrupted: see `acp events RUN --follow` and `acp cancel RUN`.
            """
    )

    @OptionGroup var options: ClientOptions
    @OptionGroup var mode: ModeOptions

    @Option(
        help: "The session to continue: the id of an existing session, or any new id.",
        transform: SessionID.argument)
    var session: SessionID?

    @Option(
        name: .customLong("continue"),
        help: ArgumentHelp(
            """
            The session of another server to continue: its URL, or a file with the output of `acp session ID --json`. A \
            file is required if the other server requires a token, since this command does not send one to it.
            """,
            valueName: "url|file"))
    var continued: String?

    @Option(
        help: "A random key. Repeating the command with the same key returns the same run instead of creating another."
    )
    var idempotencyKey: String?

    @Argument(help: "The agent's name.", transform: AgentName.argument)
    var agent: AgentName

    @Argument(help: "The input of the agent, or - to read it from the standard input.")
    var text: String

    func validate() throws {
        if let fault = idempotencyKey.flatMap(HeaderValue.idempotencyKeyFault) {
            throw ValidationError("--idempotency-key \(fault).")
        }
        guard session == nil || continued == nil else {
            throw ValidationError(
                "--session and --continue exclude each other: the continued session has an id.")
        }
    }

    func run() async throws {
        var request = RunCreateRequest(
            agentName: agent, input: [Message(try readText(text))], sessionID: session, idempotencyKey: idempotencyKey)
        let source = try continued.map(SessionSource.init)
        try await options.call { client in
            request.session = try await source?.descriptor()
            var presenter = RunPresenter(client: client, asJSON: options.json)
            // The standard input was used for the text, so that it cannot be used for answers.
            if text == "-" { presenter.canAsk = false }
            if mode.isAsync {
                try printStarted(try await client.start(request), options)
            } else if mode.stream {
                try await presenter.present(try await client.stream(request))
            } else {
                try await presenter.present(try await client.run(request))
            }
        }
    }
}

/// Prints a started run, with its id first, so that scripts can read it.
func printStarted(_ run: Run, _ options: ClientOptions) throws {
    if options.json { return try Console.print(document: run) }
    let session = run.sessionID.map { " session \($0)" } ?? ""
    try Console.print("\(run.id) \(run.status.style(run.status.rawValue))\(session)")
}
