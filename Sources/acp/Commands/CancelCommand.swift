// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancels a run.",
        discussion: """
            Returns when the server has accepted the request; the run is cancelled shortly after.

            Example:
              acp cancel 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e && acp status 8f14e45f-ceea-467f-a0e6-2f4b4d0c9d1e --wait
            """
    )

    @OptionGroup var options: ClientOptions

    @Argument(help: "The run's id.", transform: RunID.argument)
    var run: RunID

    func run() async throws {
        try await options.call { client in try printStarted(try await client.cancel(run), options) }
    }
}
