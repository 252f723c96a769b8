// SPDX-License-Identifier: Apache-2.0

import A2AClient
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
              acp run --a2a https://agents.example/weather "What is the weather in Lyon?"

            If the agent asks a question, the command prompts for the answer. Without a terminal, it prints the question \
            and exits with code 3; answer with `acp resume`. With --json, the run is printed as one document; with --json \
            and --stream, each event as one line.

            With --a2a, the agent is one of the Agent2Agent protocol, and the only argument is the text. Its output is \
            printed as it is produced if the agent streams. --session is then the id of the context, and --task answers \
            the question of a task.

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

    @Option(
        name: .customLong("a2a"),
        help: ArgumentHelp("The URL of an A2A agent or of its card, instead of a server's agent.", valueName: "url"))
    var a2aURL: String?

    @Option(help: ArgumentHelp("The A2A task to continue, for --a2a.", valueName: "id"))
    var task: String?

    @Option(help: "The A2A binding to prefer, for --a2a. (default: the agent's order)")
    var binding: BindingOption?

    @Argument(help: "The agent's name. With --a2a, the text.")
    var agent: String

    @Argument(help: "The input of the agent, or - to read it from the standard input.")
    var text: String?

    func validate() throws {
        if a2aURL != nil {
            guard text == nil else {
                throw ValidationError("--a2a names the agent, so that the text is the only argument.")
            }
            guard options.url == nil, continued == nil else {
                throw ValidationError("--url and --continue are for agents of ACP: they cannot be used with --a2a.")
            }
            guard task?.isEmpty != true else { throw ValidationError("--task is empty.") }
        } else {
            _ = try AgentName.argument(agent)
            guard text != nil else { throw ValidationError("Missing expected argument '<text>'") }
            guard task == nil, binding == nil else {
                throw ValidationError("--task and --binding are for A2A agents: use them with --a2a.")
            }
        }
        if let fault = idempotencyKey.flatMap(HeaderValue.idempotencyKeyFault) {
            throw ValidationError("--idempotency-key \(fault).")
        }
        guard session == nil || continued == nil else {
            throw ValidationError(
                "--session and --continue exclude each other: the continued session has an id.")
        }
    }

    func run() async throws {
        if let a2aURL { return try await send(to: a2aURL) }
        let text = text ?? ""
        var request = RunCreateRequest(
            agentName: try AgentName.argument(agent), input: [Message(try readText(text))], sessionID: session,
            idempotencyKey: idempotencyKey)
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

    /// Sends the text to an A2A agent.
    private func send(to url: String) async throws {
        let message = A2A.Message(
            try readText(agent), contextID: session.map { A2A.ContextID(rawValue: $0.rawValue) },
            taskID: task.map(A2A.TaskID.init(rawValue:)))
        try await callAgent(
            url, token: try options.bearerToken(), tls: try options.tls.settings(), timeout: options.timeout,
            binding: binding
        ) { client in
            if mode.isAsync {
                let response = try await client.sendMessage(
                    message, configuration: A2A.SendMessageConfiguration(returnsImmediately: true),
                    idempotencyKey: idempotencyKey)
                return try printSent(response)
            }
            var presenter = TaskPresenter(client: client, url: url, asJSON: options.json)
            // The standard input was used for the text, so that it cannot be used for answers.
            if agent == "-" { presenter.canAsk = false }
            var isStreamed = mode.stream
            // As documents, results are printed when they are complete.
            if !isStreamed, !options.json { isStreamed = try await client.card().capabilities.streaming == true }
            try await presenter.send(message, key: idempotencyKey, isStreamed: isStreamed)
        }
    }

    /// Prints a started task, with its id first, so that scripts can read it.
    private func printSent(_ response: A2A.SendMessageResponse) throws {
        if options.json { return try Console.print(document: response) }
        switch response {
        case .task(let task):
            let state = task.status.state.rawValue.replacing("TASK_STATE_", with: "").lowercased()
            let context = task.contextID.map { " context \($0.rawValue.printable)" } ?? ""
            try Console.print("\(task.id.rawValue.printable) \(state.replacing("_", with: "-"))\(context)")
        case .message(let message): try Console.print(message.shown)
        }
    }
}

/// Prints a started run, with its id first, so that scripts can read it.
func printStarted(_ run: Run, _ options: ClientOptions) throws {
    if options.json { return try Console.print(document: run) }
    let session = run.sessionID.map { " session \($0)" } ?? ""
    try Console.print("\(run.id) \(run.status.style(run.status.rawValue))\(session)")
}
