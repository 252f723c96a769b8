// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPServer
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

/// The certificates of a server and of its clients, in a folder that is deleted after the test.
struct TLSFixture: Sendable {
    let folder: URL
    let certificates: TestCertificates

    /// Creates certificates for the names of this machine while the body runs.
    static func with<Result>(_ body: (TLSFixture) async throws -> Result) async throws -> Result {
        let folder = try TestFolder.make("tls")
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificates = try TestCertificates.make(in: folder, for: "DNS:localhost,IP:127.0.0.1")
        return try await body(TLSFixture(folder: folder, certificates: certificates))
    }

    /// How the server is set up.
    func server(clients: ServerTLS.ClientCertificates? = nil) -> ServerTLS {
        ServerTLS(
            certificateChain: .file(certificates.serverCertificate), privateKey: .file(certificates.serverKey),
            clientAuthorities: clients == nil ? nil : .file(certificates.authority),
            clientCertificates: clients ?? .required, reloadInterval: .milliseconds(20))
    }

    /// How a client is set up that trusts the server.
    func client(hasCertificate: Bool = false) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(certificates.authority)
        if hasCertificate {
            tls.certificateChain = try NIOSSLCertificate.fromPEMFile(certificates.clientCertificate)
                .map { .certificate($0) }
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: certificates.clientKey, format: .pem))
        }
        return tls
    }

    /// The same as ``client(hasCertificate:)``, for the client of the protocol.
    func settings(hasCertificate: Bool = false) -> TLSSettings {
        TLSSettings(
            trustRoots: .file(certificates.authority),
            clientCertificate: hasCertificate
                ? .init(chainFile: certificates.clientCertificate, keyFile: certificates.clientKey) : nil)
    }

    /// Replaces the certificate of the server by that of another one, in one step as administrators' tools do.
    func replaceServerCertificate(by other: TLSFixture) throws {
        for (old, new) in [
            (certificates.serverCertificate, other.certificates.serverCertificate),
            (certificates.serverKey, other.certificates.serverKey),
        ] {
            try Data(contentsOf: URL(fileURLWithPath: new)).write(to: URL(fileURLWithPath: old), options: .atomic)
        }
    }
}

extension RunningServer {
    var secureURL: String { "https://localhost:\(port)" }

    /// Calls the server over HTTPS while the body runs.
    func secureClient<Result>(
        _ settings: TLSSettings, _ body: (ACPClient) async throws -> Result
    ) async throws -> Result {
        var configuration = ACPClient.Configuration.quick()
        configuration.tls = settings
        let client = try ACPClient(secureURL, configuration: configuration)
        do {
            let result = try await body(client)
            try await client.close()
            return result
        } catch {
            try? await client.close()
            throw error
        }
    }

    /// Sends a request over HTTPS on a connection of its own, once. An HTTP client would repeat it.
    ///
    /// - Returns: The status, or `nil` if the connection was refused.
    func secureStatus(_ path: String, _ tls: TLSConfiguration) async -> Int? {
        try? await RawConnection.open(port, tls: NIOSSLContext(configuration: tls)) { connection in
            try await connection.send(rawRequest("GET \(path)"))
            return try await connection.readResponse().status
        }
    }

    /// Sends a request over HTTPS on a connection of its own.
    func secureGet(_ path: String, _ tls: TLSConfiguration) async throws -> ReceivedResponse {
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.timeout = .init(connect: .seconds(20), read: .seconds(60))
        let client = HTTPClient(configuration: configuration)
        do {
            let response = try await client.execute(
                HTTPClientRequest(url: secureURL + path), timeout: .seconds(60))
            let bytes = try await response.body.collect(upTo: 1 << 24)
            try await client.shutdown()
            return ReceivedResponse(
                status: Int(response.status.code), headers: response.headers, body: Array(bytes.readableBytesView))
        } catch {
            try? await client.shutdown()
            throw error
        }
    }
}
