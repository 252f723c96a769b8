// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs an agent and prints what it says.",
        discussion: """
            Examples:
              acp run greeter Ada
              acp run slow "one word after the other" --stream
              cat letter.txt | acp run echo -
              acp run counter "" --session my-session
              acp run recall "" --continue https://other.example/sessions/my-session
              id=$(acp run slow "take your time" --async | cut -d ' ' -f 1)

            When the agent asks something, it is asked at the prompt. Without a terminal the question is printed, the \
            exit code is 3, and `acp resume` answers. With --json the run is printed as one document, with --json and \
            --stream each event as one line.

            A run goes on when this command is interrupted: see `acp events RUN --follow` and `acp cancel RUN`.
            """
    )

    @OptionGroup var options: ClientOptions
    @OptionGroup var mode: ModeOptions

    @Option(
        help: "The session to continue: an id that a run had, or one of your own choice.",
        transform: SessionID.argument)
    var session: SessionID?

    @Option(
        name: .customLong("continue"),
        help: ArgumentHelp(
            """
            A session of another server to go on with: its URL there, or a file with what `acp session ID --json` prints. The \
            file works also where the other server asks for a token, which is never sent to it by this command.
            """,
            valueName: "url|file"))
    var continued: String?

    @Option(
        help: "Something random: with the same key the same run is returned again, so that this can be repeated safely."
    )
    var idempotencyKey: String?

    @Argument(help: "The agent's name.", transform: AgentName.argument)
    var agent: AgentName

    @Argument(help: "What to say to the agent; - reads it from the standard input.")
    var text: String

    func validate() throws {
        if let fault = idempotencyKey.flatMap(HeaderValue.idempotencyKeyFault) {
            throw ValidationError("--idempotency-key \(fault).")
        }
        guard session == nil || continued == nil else {
            throw ValidationError(
                "--session and --continue exclude each other: what is continued says which session it is.")
        }
    }

    func run() async throws {
        var request = RunCreateRequest(
            agentName: agent, input: [Message(try readText(text))], sessionID: session, idempotencyKey: idempotencyKey)
        let source = try continued.map(SessionSource.init)
        try await options.call { client in
            request.session = try await source?.descriptor()
            var presenter = RunPresenter(client: client, asJSON: options.json)
            // Nobody can answer through a standard input that held the text.
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

/// Says which run was started: its id first, so that scripts can take it.
func printStarted(_ run: Run, _ options: ClientOptions) throws {
    if options.json { return try Console.print(document: run) }
    let session = run.sessionID.map { " session \($0)" } ?? ""
    try Console.print("\(run.id) \(run.status.style(run.status.rawValue))\(session)")
}
