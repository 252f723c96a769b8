// SPDX-License-Identifier: Apache-2.0

import ACPServer
import ArgumentParser

/// Which web pages may use a server, and under which host names.
struct BrowserOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            An origin whose web pages may use the server, such as https://app.example.com. Requests of other pages that \
            could change something are refused. Repeatable. (default: only the server's own pages)
            """,
            valueName: "origin"))
    var allowOrigin: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            A host name under which the server can be reached. A server on a loopback address always accepts loopback \
            names, and refuses all others that are not listed; a server on other addresses accepts all unless one is \
            listed. Repeatable.
            """,
            valueName: "host"))
    var allowHost: [String] = []

    func validate() throws {
        var configuration = ServerConfiguration()
        apply(to: &configuration)
        do {
            try configuration.validate()
        } catch {
            throw ValidationError("--allow-origin, --allow-host: \(error).")
        }
    }

    func apply(to configuration: inout ServerConfiguration) {
        configuration.browsers.allowedOrigins = allowOrigin
        configuration.browsers.allowedHosts = allowHost
    }
}
