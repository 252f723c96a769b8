// SPDX-License-Identifier: Apache-2.0

import A2AClient
import ACPClient
import ArgumentParser
import Foundation

/// The options of commands that call only A2A agents.
struct A2AOptions: ParsableArguments {
    @Option(help: "The bearer token that the agent requires. (default: $ACP_TOKEN)")
    var token: String?

    @Option(help: "The timeout of responses, in seconds. (default: 30)")
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

    func bearerToken() throws -> String? {
        try EnvironmentVariable.token(
            option: token, variable: "ACP_TOKEN", otherwise: "requests are then sent without a token")
    }
}

/// The binding of calls of an A2A agent.
enum BindingOption: String, ExpressibleByArgument, CaseIterable {
    case jsonrpc
    case http

    var binding: A2A.ProtocolBinding {
        switch self {
        case .jsonrpc: .jsonRPC
        case .http: .httpJSON
        }
    }
}

/// Calls an A2A agent, closes the connections, and turns errors into a message and an exit code.
func callAgent(
    _ url: String, token: String?, tls: TLSSettings, timeout: Double?, binding: BindingOption? = nil,
    _ body: (A2AClient) async throws -> Void
) async throws {
    // Writing into a closed pipe must be an ordinary error, which ends the tool without a message.
    signal(SIGPIPE, SIG_IGN)
    var configuration = A2AClient.Configuration(bearerToken: token, tls: tls)
    configuration.preferredBindings = binding.map { [$0.binding] } ?? []
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
    do {
        let client = try A2AClient(url, configuration: configuration)
        do {
            try await body(client)
        } catch {
            try? await client.close()
            throw error
        }
        try? await client.close()
    } catch is BrokenPipe {
        throw ExitCode.success
    } catch let error as A2AClientError {
        Console.error(error.explanation.printable)
        throw ExitStatus.unreachable.code
    } catch is CancellationError {
        throw ExitStatus.unsuccessful.code
    }
}

extension A2AClientError {
    /// The message for users, with the remedy on the command line for frequent mistakes.
    fileprivate var explanation: String {
        switch code {
        case .timedOut: "\(message) (--timeout)"
        case .serverError where status == 401: "\(message). Set the token with --token or ACP_TOKEN."
        case .serverError: retryAfter.map { "\(message). Try again in \($0.components.seconds) s." } ?? message
        case .untrustedInterface:
            "\(message). With this command, use the URL of the interface's own server, or send no token."
        default: message
        }
    }
}
