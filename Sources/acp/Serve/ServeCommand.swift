// SPDX-License-Identifier: Apache-2.0

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
              acp serve --host 0.0.0.0 --token secret --playground
              acp serve --config acp.yaml
              acp serve --config acp.yaml --print-config

            Every option can also be set by an environment variable and in a configuration file. --print-config shows their \
            names, and `acp check` with the same options checks them, certificates, ports and the storage.
            """
    )

    @OptionGroup var options: SettingOptions<ServeSettings>

    @Flag(
        help: """
            Print the configuration, in which each value has its source, as a configuration file without secrets, and exit.
            """)
    var printConfig = false

    func run() async throws {
        let values = try options.values()
        if printConfig { return try Console.write(PrintedConfiguration(values).text) }
        let logger = ServeSettings.log.bootstrap(values)
        var configuration = try ServeSettings.configuration(values)
        if configuration.urlSigning != nil, configuration.authentication == nil {
            logger.warning(
                "URLs are signed, but there is no --token: anyone who knows the id of a session can get its signed URLs"
            )
        }
        // Before the storage is opened, which records metrics as well.
        configuration.metrics = ServeSettings.metrics.endpoint(values)
        let storage = try await StorageAccess(values).open(
            logLevel: values[ServeSettings.log.level], logFormat: values[ServeSettings.log.format])
        let server = ACPServer(storage: storage, configuration: configuration, logger: logger)
        try server.addExampleAgents()
        try ServeSettings.a2a.apply(to: server, values)
        let hasPlayground = try ServeSettings.playground.apply(to: server, storage: storage, values)
        let host = ServeSettings.listening.address(values)
        let scheme = configuration.tls == nil ? "http" : "https"
        do {
            try await server.runService { port in
                // Scripts wait for this line.
                try? Console.print("Serving ACP on \(scheme)://\(host.inURL):\(port)")
                if hasPlayground { try? Console.print("Playground: \(scheme)://\(host.inURL):\(port)/playground/") }
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
