// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOSSL
import Testing

@testable import ACPLinks

@Suite("Loading links over TLS", .timeLimit(.minutes(5)))
struct LinkTLSTests {
    @Test("The certificate must be valid for the host name, although the connection uses an address")
    func names() async throws {
        try await serving {
            try await $0.answer("hello")
        } _: { server, tls in
            let resolver = ScriptedResolver([["127.0.0.1"]])
            for (trusts, name, expected) in [
                (true, "files.invalid", nil), (true, "other.invalid", .cannotConnect),
                (false, "files.invalid", .cannotConnect),
            ] as [(Bool, String, LinkError.Code?)] {
                let loader = LinkLoader(
                    configuration: .development, logger: .silent, resolver: resolver,
                    tls: trusts ? tls : .makeClientConfiguration())
                await #expect(loads("https://\(name):\(server.port)/", loader) == expected, "\(name)")
                await loader.close()
            }
            #expect(server.targets == ["/"])
        }
    }

    @Test("A redirect from https to http is not followed")
    func downgrade() async throws {
        try await ResourceServer.serving {
            try await $0.answer("plain")
        } _: { plain in
            try await self.serving {
                try await $0.redirect(to: plain.url("/", host: "files.invalid"))
            } _: { server, tls in
                let loader = LinkLoader(
                    configuration: .development, logger: .silent, resolver: ScriptedResolver([["127.0.0.1"]]), tls: tls)
                await #expect(loads("https://files.invalid:\(server.port)/", loader) == .redirected)
                await loader.close()
            }
            #expect(plain.connections == 0)
        }
    }

    /// A server with a certificate for files.invalid, and how a client that trusts it is set up.
    private func serving(
        _ handler: @escaping ResourceServer.Handler,
        _ body: @escaping @Sendable (ResourceServer, TLSConfiguration) async throws -> Void
    ) async throws {
        let folder = try TestFolder.make("links")
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificates = try TestCertificates.make(in: folder, for: "DNS:files.invalid")
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.serverCertificate)
                    .map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.serverKey, format: .pem))))
        var client = TLSConfiguration.makeClientConfiguration()
        client.trustRoots = .file(certificates.authority)
        let tls = client
        try await ResourceServer.serving(tls: context, handler) { try await body($0, tls) }
    }
}
