// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation
import Testing

@testable import class ACPServer.TLSReloader

@Suite("Certificates of a server")
struct TLSCredentialsTests {
    private static func fault(_ tls: ServerTLS) -> ServerError? {
        do throws(ServerError) {
            try ServerConfiguration(tls: tls).validate()
            return nil
        } catch {
            return error
        }
    }

    @Test("Files and bytes are accepted")
    func valid() async throws {
        try await TLSFixture.with { fixture in
            #expect(Self.fault(fixture.server()) == nil)
            #expect(Self.fault(fixture.server(clients: .required)) == nil)
            let files = fixture.certificates
            let bytes = ServerTLS(
                certificateChain: .bytes(Array(try Data(contentsOf: URL(fileURLWithPath: files.serverCertificate)))),
                privateKey: .bytes(Array(try Data(contentsOf: URL(fileURLWithPath: files.serverKey)))))
            #expect(Self.fault(bytes) == nil)
            #expect(!"\(bytes)".contains("PRIVATE") && !String(reflecting: bytes).contains("PRIVATE"))
        }
    }

    @Test("Errors name the property, the file and the remedy, and prevent the server from starting")
    func faults() async throws {
        try await TLSFixture.with { fixture in
            let files = fixture.certificates
            let missing = fixture.folder.appendingPathComponent("missing.pem").path
            let text = fixture.folder.appendingPathComponent("text.pem").path
            try "no certificate".write(toFile: text, atomically: true, encoding: .utf8)
            func changed(_ change: (inout ServerTLS) -> Void) -> ServerTLS {
                var tls = fixture.server()
                change(&tls)
                return tls
            }
            let cases: [(ServerTLS, [String])] = [
                (
                    changed { $0.certificateChain = .file(missing) },
                    ["tls.certificateChain", missing, "does not exist"]
                ),
                (changed { $0.privateKey = .file(missing) }, ["tls.privateKey", missing, "does not exist"]),
                (changed { $0.clientAuthorities = .file(missing) }, ["tls.clientAuthorities", missing]),
                (changed { $0.certificateChain = .file(text) }, ["tls.certificateChain", text, "PEM"]),
                (changed { $0.certificateChain = .file(files.serverKey) }, ["tls.certificateChain", files.serverKey]),
                (changed { $0.certificateChain = .bytes([]) }, ["tls.certificateChain", "PEM"]),
                (changed { $0.privateKey = .file(text) }, ["tls.privateKey", text, "without a passphrase"]),
                (changed { $0.privateKey = .file(files.serverCertificate) }, ["tls.privateKey"]),
                (changed { $0.clientAuthorities = .file(text) }, ["tls.clientAuthorities", text]),
                (
                    changed { $0.privateKey = .file(files.clientKey) },
                    [files.clientKey, files.serverCertificate, "not that of"]
                ),
                (changed { $0.certificateChain = .file("/") }, ["tls.certificateChain", "cannot be read"]),
            ]
            for (tls, words) in cases {
                let fault = try #require(Self.fault(tls), "\(words)")
                #expect(fault.code == .invalidCertificate)
                for word in words { #expect(fault.message.contains(word), "\(fault.message)") }
                let server = ACPServer(
                    storage: MemoryStorage(), configuration: ServerConfiguration(port: 0, tls: tls), logger: .silent)
                await #expect(throws: ServerError.self) { try await server.run() }
            }
            let interval = Self.fault(changed { $0.reloadInterval = .zero })
            #expect(interval?.code == .invalidConfiguration, "\(String(describing: interval))")
        }
    }

    @Test("A certificate that is not valid at the moment is a warning, once")
    func expired() async throws {
        try await TLSFixture.with { fixture in
            let log = Log()
            let reloader = try TLSReloader(fixture.server(), logger: log.logger)
            #expect(log.text.isEmpty)
            for _ in 0..<3 { reloader.reload(at: Date(timeIntervalSinceNow: 3 * 86_400)) }
            #expect(log.text.components(separatedBy: "has expired").count == 2)
            for _ in 0..<3 { reloader.reload(at: Date(timeIntervalSinceNow: -86_400)) }
            #expect(log.text.components(separatedBy: "is not valid yet").count == 2)
            #expect(log.text.contains(fixture.certificates.serverCertificate))
        }
    }

    @Test("Files that change are read again; files that cannot be used are reported once, until they can")
    func reloading() async throws {
        try await TLSFixture.with { fixture in
            try await TLSFixture.with { other in
                let log = Log()
                let reloader = try TLSReloader(fixture.server(), logger: log.logger)
                let first = reloader.context
                reloader.reload()
                #expect(reloader.context === first, "nothing has changed")
                // The key is missing yet.
                try Data(contentsOf: URL(fileURLWithPath: other.certificates.serverCertificate))
                    .write(to: URL(fileURLWithPath: fixture.certificates.serverCertificate))
                for _ in 0..<3 { reloader.reload() }
                #expect(reloader.context === first)
                #expect(log.text.components(separatedBy: "could not be reloaded").count == 2)
                try fixture.replaceServerCertificate(by: other)
                reloader.reload()
                #expect(reloader.context !== first)
                #expect(log.text.contains("the server's certificate was reloaded"))
                try FileManager.default.removeItem(atPath: fixture.certificates.serverKey)
                let second = reloader.context
                for _ in 0..<3 { reloader.reload() }
                #expect(reloader.context === second)
                #expect(log.text.components(separatedBy: "does not exist").count == 2)
            }
        }
    }
}
