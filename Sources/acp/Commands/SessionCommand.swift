// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session",
        abstract: "Shows the messages of a session.",
        discussion: """
            With --json, prints the session's descriptor, which contains the URLs of its messages and its state.

            Examples:
              acp session my-session
              acp session my-session --limit 4
              acp session my-session --json | jq '.history | length'
              acp session my-session --json > session.json; acp run recall '' --continue session.json --url https://other.example
              acp session my-session --delete
            """
    )

    @OptionGroup var options: ClientOptions

    @Option(help: "The maximum number of messages, of which the newest are shown.")
    var limit: Int?

    @Flag(help: "Delete the session with its history and its state.")
    var delete = false

    @Argument(help: "The session's id.", transform: SessionID.argument)
    var id: SessionID

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit must not be negative.") }
    }

    func run() async throws {
        try await options.call { client in
            if delete {
                try await client.deleteSession(id)
                if options.json { return try Console.print(document: ["deleted": id.rawValue]) }
                return try Console.print("\(id) deleted")
            }
            let session = try await client.sessionDescriptor(id)
            if options.json { return try Console.print(document: session) }
            try Console.print("session   \(session.id)")
            try Console.print("messages  \(session.history.count)")
            if let state = session.state { try Console.print("state     \(state.printable)") }
            let messages = try await client.messages(of: id, limit: limit)
            if !messages.isEmpty { try Console.print() }
            for message in messages {
                try Console.print("\(Style.dim(message.role.rawValue + ":")) \(message.shown)")
            }
        }
    }
}
