// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ArgumentParser

/// The limits of each caller.
struct CallerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How many requests of one caller are accepted per second in the long run; further ones are rejected with 429. A \
            caller is an accepted token, a client certificate or an address. (default: no limit)
            """,
            valueName: "number"))
    var requestsPerSecond: Double?

    @Option(
        help: ArgumentHelp(
            "How many requests a caller may send at once, with --requests-per-second.", valueName: "number"))
    var requestBurst = CallerLimits().requestBurst

    @Option(
        help: ArgumentHelp(
            "How many streams one caller may have open at the same time; further ones are rejected with 429. (default: no limit)",
            valueName: "number"))
    var maxStreams: Int?

    @Option(
        help: ArgumentHelp(
            "The size of a stream, in bytes, after which it ends, so that its client reconnects. (default: no limit)",
            valueName: "bytes"))
    var maxStreamBytes: Int?

    func validate() throws {
        var configuration = ServerConfiguration()
        apply(to: &configuration)
        do {
            try configuration.validate()
        } catch {
            throw ValidationError(
                "--requests-per-second, --request-burst, --max-streams, --max-stream-bytes: \(error).")
        }
    }

    func apply(to configuration: inout ServerConfiguration) {
        configuration.callers = CallerLimits(
            requestsPerSecond: requestsPerSecond, requestBurst: requestBurst, maximumStreams: maxStreams,
            maximumStreamBytes: maxStreamBytes)
    }
}
