// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Shows the events of a run.",
        discussion: """
            With --follow, prints the stored events, then further ones as they happen, until the run has ended. Lost \
            connections are restored. With --json, prints one document; with --json and --follow, one event per line.

            Examples:
              acp events 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e
              acp events 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e --follow
              acp events 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e --follow --after 12 --json
            """
    )

    @OptionGroup var options: ClientOptions

    @Flag(name: .shortAndLong, help: "Continue with further events as they happen.")
    var follow = false

    @Option(help: "Begin after the event with this index.")
    var after: Int?

    @Argument(help: "The run's id.", transform: RunID.argument)
    var run: RunID

    func validate() throws {
        if let after, after < 0 { throw ValidationError("--after must not be negative.") }
    }

    func run() async throws {
        try await options.call { client in
            if follow {
                for try await event in client.follow(run, after: after) {
                    if options.json {
                        try Console.print(json: event.event)
                    } else {
                        try Console.print(event.line)
                    }
                }
            } else {
                // The whole list is requested, since other ACP servers do not support ranges.
                let events = try await client.events(of: run).enumerated().dropFirst(after.map { $0 + 1 } ?? 0)
                if options.json {
                    return try Console.print(document: RunEventsListResponse(events: events.map(\.element)))
                }
                for (index, event) in events { try Console.print(StreamedEvent(index: index, event: event).line) }
            }
        }
    }
}
