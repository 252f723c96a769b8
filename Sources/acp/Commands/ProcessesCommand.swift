// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct ProcessesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "processes",
        abstract: "Lists the server processes that share the server's storage, with the number of runs they own.",
        discussion: """
            A process that has ended is listed until others have claimed its runs. Other ACP servers do not support \
            this command.

            Examples:
              acp processes
              acp processes --json | jq '.processes[] | select(.alive | not)'
            """
    )

    @OptionGroup var options: ClientOptions

    func run() async throws {
        try await options.call { client in
            let list = try await client.processes()
            if options.json { return try Console.print(document: list) }
            var table = Table("PROCESS", "STATE", "RUNS", "")
            for process in list.processes {
                table.add(
                    .init(process.id), process.isAlive ? .init("alive", .green) : .init("ended", .red),
                    .init("\(process.runCount)"), .init(process.isCurrent ? "this server" : "", .dim))
            }
            try table.print()
        }
    }
}
