// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOSSL
import Testing

@testable import ACPServer

@Suite("Loading links over TLS", .timeLimit(.minutes(5)))
struct LinkTLSTests {
    @Test("The certificate has to be valid for the name, although the address is what is connected to")
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
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("links-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (certificate, key) = (folder.path + "/server.crt", folder.path + "/server.key")
        try openssl(
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
                + ["-subj", "/CN=files.invalid", "-addext", "subjectAltName=DNS:files.invalid"]
                + ["-keyout", key, "-out", certificate])
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))))
        var client = TLSConfiguration.makeClientConfiguration()
        client.trustRoots = .file(certificate)
        let tls = client
        try await ResourceServer.serving(tls: context, handler) { try await body($0, tls) }
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw NeverHappened(
                description: "openssl failed, or is not installed. On Debian and Ubuntu: apt-get install openssl")
        }
    }
}
