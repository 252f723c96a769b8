// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ArgumentParser
import Foundation

/// The options of all commands that call a server.
struct ClientOptions: ParsableArguments {
    @Option(help: "The server's URL. (default: $ACP_URL, or http://127.0.0.1:8000)")
    var url: String?

    @Option(help: "The bearer token that the server requires. (default: $ACP_TOKEN)")
    var token: String?

    @Option(help: "The timeout of responses, in seconds. (default: 30, or 600 for the result of a run)")
    var timeout: Double?

    @OptionGroup var tls: TLSOptions

    @Flag(help: "Print JSON, for programs.")
    var json = false

    func validate() throws {
        if let timeout, !(timeout > 0 && timeout <= 1e9) {
            throw ValidationError("--timeout must be a positive number of seconds.")
        }
        _ = try bearerToken()
    }

    /// Calls a server, closes the connections, and turns errors into a message and an exit code.
    func call(_ body: (ACPClient) async throws -> Void) async throws {
        // Writing into a closed pipe must be an ordinary error, which ends the tool without a message.
        signal(SIGPIPE, SIG_IGN)
        do {
            let client = try makeClient()
            do {
                try await body(client)
            } catch {
                try? await client.close()
                throw error
            }
            try? await client.close()
        } catch is BrokenPipe {
            throw ExitCode.success
        } catch let error as ACPClientError {
            Console.error(error.explanation)
            throw ExitStatus.unreachable.code
        } catch is CancellationError {
            throw ExitStatus.unsuccessful.code
        }
    }

    func bearerToken() throws -> String? {
        try EnvironmentVariable.token(
            option: token, variable: "ACP_TOKEN", otherwise: "requests are then sent without a token")
    }

    private func makeClient() throws -> ACPClient {
        let url = url ?? EnvironmentVariable.text("ACP_URL") ?? "http://127.0.0.1:8000"
        var configuration = ACPClient.Configuration(bearerToken: try bearerToken(), tls: try tls.settings())
        configuration.onStreamConnectionChange = { change in
            switch change {
            case .lost(_, let reason): Console.note("connection lost (\(reason.printable)): reconnecting…")
            case .restored: Console.note("connected again")
            }
        }
        if let timeout {
            configuration.timeouts.request = .seconds(timeout)
            configuration.timeouts.run = .seconds(timeout)
        }
        return try ACPClient(url, configuration: configuration)
    }
}

extension ACPClientError {
    /// The message for users, with the remedy on the command line for frequent mistakes.
    fileprivate var explanation: String {
        switch code {
        case .cannotConnect where message.hasSuffix("running?"):
            "\(message) Start one with `acp serve`, or use --url for another server."
        case .timedOut:
            "\(message) (--timeout)"
        case .serverError where status == 405:
            "\(message). The server does not support this operation, which is an extension of the protocol."
        case .serverError where status == 401:
            "\(message). Set the token with --token or ACP_TOKEN."
        case .serverError:
            retryAfter.map { "\(message). Try again in \($0.components.seconds) s." } ?? message
        default:
            message
        }
    }
}

/// The exit codes of the tool.
enum ExitStatus: Int32 {
    /// The run failed or was cancelled.
    case unsuccessful = 1
    /// The server cannot be reached, or responded with an error.
    case unreachable = 2
    /// The run awaits an answer.
    case awaiting = 3

    var code: ExitCode { ExitCode(rawValue) }
}
