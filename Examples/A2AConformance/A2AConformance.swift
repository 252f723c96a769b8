// SPDX-License-Identifier: Apache-2.0

import A2ACore
import A2AServer
import ACPLinks
import ArgumentParser

/// Serves the agent that the conformance kit of A2A is run against.
@main
struct A2AConformance: AsyncParsableCommand {
    @Option(help: "The port to listen on.")
    var port = 9999

    @Flag(help: "Offer neither streams nor push notifications.")
    var plain = false

    @Flag(help: "Require the extension that the kit names.")
    var requiresExtension = false

    @Flag(help: "Offer an extended card, which requires the token: secret.")
    var extendedCard = false

    func run() async throws {
        // The kit receives push notifications on this machine.
        let links = LinkConfiguration(allowedHosts: [try AllowedHost("localhost"), try AllowedHost("127.0.0.1")])
        let server = ACPServer(
            storage: MemoryStorage(), configuration: ServerConfiguration(port: port, links: links))
        try server.addAgent(
            "conformance", description: "Behaves as the conformance kit of A2A requires",
            run: ConformanceAgent.run)
        var configuration = A2AConfiguration(hasStreaming: !plain, hasPushNotifications: !plain)
        if requiresExtension {
            configuration.extensions = [A2A.AgentExtension(uri: "urn:a2a:tck:required-extension", isRequired: true)]
        }
        if extendedCard {
            configuration.extendedCard = { _, card in
                var card = card
                card.description += ", with what only known callers see"
                return card
            }
        }
        try server.addA2A(configuration)
        try await server.runService { port in print("Serving A2A on http://127.0.0.1:\(port)") }
    }
}
