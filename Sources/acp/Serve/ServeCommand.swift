// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ArgumentParser
import Foundation
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves example agents until it is told to end.",
        discussion: """
            The agents: echo, greeter, counter (keeps state in its session), recall (tells its \
            session's history), questioner (asks back), interviewer (asks \
            three times), slow (streams word by word), ticker (streams the time), failer, artist (artifacts and a generic \
            event).

            When the server is told to end (Ctrl-C, SIGTERM) it takes no new runs and lets those that run finish for \
            --grace seconds. On a storage that outlives it, runs that await an answer and those of slow, which can be \
            replayed, go on in another server on the same storage, or later; the rest fails. A second signal ends it at \
            once, with exit code 130 or 143.

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
            """
    )

    @Option(
        help: """
            The address to listen on: a name, an IPv4 address, or an IPv6 address, with brackets or without. 0.0.0.0 or :: for all \
            addresses of this machine. (default: 127.0.0.1)
            """,
        transform: ListenHost.argument)
    var host = ListenHost.loopback

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 8000

    @OptionGroup var storageOptions: StorageOptions

    @Option(help: "How many runs may run at the same time. More wait.")
    var maxRuns = 1_000

    @Option(help: "How many runs may wait. More are refused with 503.")
    var maxWaiting = 100

    @Option(help: "What happens to runs of one session at the same time: overlap, queue, or refuse (with 409).")
    var sessionRuns = AgentPolicy.SessionRuns.overlap

    @Option(
        help: """
            On a storage that is shared: for how many seconds other servers wait for a sign of life before they take over \
            the runs of this one.
            """)
    var lease = 15.0

    @Option(help: "How many bytes a request's body may have. Larger ones are refused with 413.")
    var maxBody = 4 * 1_048_576

    @Option(help: "How many connections are served at the same time. Further ones get 503.")
    var maxConnections = ConnectionConfiguration().maximumCount

    @Option(
        help: """
            Contents of message parts with more bytes than this are stored once and referred to. 0 stores everything where it \
            stands.
            """)
    var inlineLimit = 65_536

    @Option(help: "For how many seconds runs may go on after the server was told to end.")
    var grace = 30.0

    @Option(
        help: """
            A bearer token that callers have to send. In $ACP_SERVER_TOKEN other users of the machine do not see it. \
            (default: $ACP_SERVER_TOKEN, or none: everybody may call)
            """)
    var token: String?

    @OptionGroup var urls: URLOptions

    @Option(
        name: .customLong("link-host"),
        help: ArgumentHelp(
            "A host, perhaps with a port, from which messages and files are loaded whatever its address is. Repeatable.",
            valueName: "host[:port]"), transform: AllowedHost.argument)
    var linkHosts: [AllowedHost] = []

    @Flag(
        help: """
            Load messages and files from this machine and private networks as well. For development: callers can reach \
            what the server can reach then.
            """)
    var allowPrivateLinks = false

    @Flag(
        help: """
            Tell callers the description of any error that an agent throws, not only of those that are meant for them. For \
            development: descriptions may hold secrets, paths and addresses. All errors are logged in any case.
            """)
    var reportErrorDescriptions = false

    @Option(help: "What is logged to the standard error: trace, debug, info, notice, warning, error or critical.")
    var logLevel = Logger.Level.warning

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port has to be 0 to 65535.") }
        guard maxRuns > 0 else { throw ValidationError("--max-runs has to be 1 or more.") }
        guard maxWaiting >= 0 else { throw ValidationError("--max-waiting may not be negative.") }
        guard lease >= 0.1, lease <= 1e6 else { throw ValidationError("--lease has to be 0.1 to 1000000.") }
        guard inlineLimit >= 0 else { throw ValidationError("--inline-limit may not be negative.") }
        guard maxBody > 0 else { throw ValidationError("--max-body has to be 1 or more.") }
        guard maxConnections > 0 else { throw ValidationError("--max-connections has to be 1 or more.") }
        guard grace >= 0, grace <= 1e9 else { throw ValidationError("--grace may not be negative.") }
        _ = try bearerToken()
    }

    private func bearerToken() throws -> String? {
        try EnvironmentVariable.token(
            option: token, variable: "ACP_SERVER_TOKEN", otherwise: "without a token everybody may call the server")
    }

    func run() async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "acp")
        logger.logLevel = logLevel
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
        let storage = try await storageOptions.open(logLevel: logLevel)
        let server = ACPServer(storage: storage, configuration: configuration, logger: logger)
        try server.addExampleAgents()
        let host = host
        do {
            try await server.runService { port in
                // Scripts wait for this line.
                try? Console.print("Serving ACP on http://\(host.inURL):\(port)")
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

extension Logger.Level: @retroactive ExpressibleByArgument {}
