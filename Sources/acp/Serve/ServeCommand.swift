// SPDX-License-Identifier: Apache-2.0

import A2AServer
import ACPServer
import ArgumentParser
import Foundation
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves example agents over ACP and A2A until it receives SIGINT or SIGTERM.",
        discussion: """
            The agents: echo, greeter, counter (stores state in its session), recall (repeats its \
            session's history), questioner (asks a question), interviewer (asks \
            three questions), slow (streams word by word), ticker (streams the time), failer (fails), artist (artifacts \
            and a generic event). Over A2A, each is at /a2a/AGENT, with its card below.

            After the first signal (Ctrl-C, SIGTERM) the server accepts no new runs, and active runs can finish for \
            --grace seconds. On a durable storage, runs that await an answer and those of slow, which can be replayed, \
            continue in another server on the same storage, or after a restart; the others fail. A second signal ends the \
            server at once, with exit code 130 or 143.

            Storages:
            \(StorageSpecification.forms.map { "  \($0.form)  \($0.meaning)" }.joined(separator: "\n"))

            Examples:
              acp serve
              acp serve --port 0 --token secret --log-level debug
              acp serve --storage memory
              acp serve --storage sqlite:runs.sqlite
              acp serve --storage redis://localhost:6379 --ttl 3600
              acp serve --storage postgres://localhost/agents
              acp serve --host 0.0.0.0 --max-runs 50 --grace 5
              acp serve --metrics-port 9464 --log-format json --log-requests
            """
    )

    @Option(
        help: """
            The address to listen on: a name, an IPv4 address, or an IPv6 address with or without brackets. 0.0.0.0 or :: \
            for all addresses of this machine. (default: 127.0.0.1)
            """,
        transform: ListenHost.argument)
    var host = ListenHost.loopback

    @Option(help: "The port to listen on; 0 for any free port.")
    var port = 8000

    @OptionGroup var storageOptions: StorageOptions

    @Option(help: "The maximum number of runs that execute at the same time. Further runs wait.")
    var maxRuns = 1_000

    @Option(help: "The maximum number of waiting runs. Further runs are rejected with 503.")
    var maxWaiting = 100

    @Option(help: "How concurrent runs of one session are handled: overlap, queue, or refuse (with 409).")
    var sessionRuns = AgentPolicy.SessionRuns.overlap

    @Option(
        help: """
            The lease, in seconds: on a shared storage, other servers claim the runs of this one after this time without \
            a heartbeat.
            """)
    var lease = 15.0

    @Option(help: "The maximum size of a request body, in bytes. Larger bodies are rejected with 413.")
    var maxBody = 4 * 1_048_576

    @Option(help: "The maximum number of connections. Further ones receive 503.")
    var maxConnections = ConnectionConfiguration().maximumCount

    @Option(
        help: """
            Contents of message parts with more bytes than this are stored once, separately from their messages. 0 stores \
            all contents in their messages.
            """)
    var inlineLimit = 65_536

    @Option(help: "How long active runs may continue after the first signal, in seconds.")
    var grace = 30.0

    @Option(
        help: """
            The bearer token that requests must contain. Unlike this option, $ACP_SERVER_TOKEN is not visible to other \
            users of the machine. (default: $ACP_SERVER_TOKEN; without a token, all requests are allowed)
            """)
    var token: String?

    @OptionGroup var urls: URLOptions

    @OptionGroup var a2aOptions: A2AServerOptions

    @OptionGroup var browsers: BrowserOptions

    @OptionGroup var tls: ServerTLSOptions

    @OptionGroup var callers: CallerOptions

    @OptionGroup var observation: ObservationOptions

    @Option(
        name: .customLong("link-host"),
        help: ArgumentHelp(
            "A host, optionally with a port, from which messages and files are loaded whatever its address. Repeatable.",
            valueName: "host[:port]"), transform: AllowedHost.argument)
    var linkHosts: [AllowedHost] = []

    @Flag(
        help: """
            Also load messages and files from this machine and private networks. For development only: with this flag, \
            callers can reach everything that the server can reach.
            """)
    var allowPrivateLinks = false

    @Flag(
        help: """
            Send callers the descriptions of all errors that agents throw, not only of those that are meant for them. For \
            development only: descriptions may contain secrets, paths and addresses. All errors are logged in any case.
            """)
    var reportErrorDescriptions = false

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port must be 0 to 65535.") }
        guard maxRuns > 0 else { throw ValidationError("--max-runs must be 1 or more.") }
        guard maxWaiting >= 0 else { throw ValidationError("--max-waiting must not be negative.") }
        guard lease >= 0.1, lease <= 1e6 else { throw ValidationError("--lease must be 0.1 to 1000000.") }
        guard inlineLimit >= 0 else { throw ValidationError("--inline-limit must not be negative.") }
        guard maxBody > 0 else { throw ValidationError("--max-body must be 1 or more.") }
        guard maxConnections > 0 else { throw ValidationError("--max-connections must be 1 or more.") }
        guard grace >= 0, grace <= 1e9 else { throw ValidationError("--grace must be 0 to 1000000000.") }
        _ = try bearerToken()
    }

    private func bearerToken() throws -> String? {
        try EnvironmentVariable.token(
            option: token, variable: "ACP_SERVER_TOKEN", otherwise: "without a token all requests are allowed")
    }

    func run() async throws {
        let logger = observation.bootstrapLogging()
        var configuration = ServerConfiguration(
            host: host.address,
            port: port,
            engine: EngineConfiguration(
                maximumActiveRuns: maxRuns, maximumQueuedRuns: maxWaiting, sessionRuns: sessionRuns,
                lease: .seconds(lease), shutdownGrace: .seconds(grace),
                inlineContentLimit: inlineLimit > 0 ? inlineLimit : nil,
                reportsErrorDescriptions: reportErrorDescriptions),
            maximumBodySize: maxBody,
            links: LinkConfiguration(allowedHosts: linkHosts, allowsPrivateAddresses: allowPrivateLinks),
            connections: ConnectionConfiguration(maximumCount: maxConnections))
        configuration.authentication = try bearerToken().map { .bearer($0) }
        try urls.apply(to: &configuration, logger: logger)
        browsers.apply(to: &configuration)
        tls.apply(to: &configuration)
        callers.apply(to: &configuration)
        // Before the storage is opened, which records metrics as well.
        configuration.metrics = observation.metricsEndpoint()
        configuration.logsRequests = observation.logRequests
        let storage = try await storageOptions.open(logLevel: observation.logLevel, logFormat: observation.logFormat)
        let server = ACPServer(storage: storage, configuration: configuration, logger: logger)
        try server.addExampleAgents()
        try a2aOptions.apply(to: server)
        let host = host
        let scheme = configuration.tls == nil ? "http" : "https"
        do {
            try await server.runService { port in
                // Scripts wait for this line.
                try? Console.print("Serving ACP on \(scheme)://\(host.inURL):\(port)")
            }
        } catch let error as ServerError where error.code == .interrupted {
            // Everything that has to be stored before such an exit has been stored.
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await storage.close() }
                group.addTask { try? await Task.sleep(for: .seconds(2)) }
                await group.next()
                // Without waiting for a storage that does not answer.
                _exit(128 + (error.signal ?? 0))
            }
        } catch let error as ServerError {
            try await storage.close()
            Console.error("\(error)")
            throw ExitStatus.unsuccessful.code
        }
        try await storage.close()
    }
}

extension AgentPolicy.SessionRuns: ExpressibleByArgument {}

extension AllowedHost {
    fileprivate static func argument(_ text: String) throws -> AllowedHost {
        do {
            return try AllowedHost(text)
        } catch {
            throw ValidationError("\(error.message).")
        }
    }
}
