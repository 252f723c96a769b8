// SPDX-License-Identifier: Apache-2.0

public import Foundation

/// The paths of PEM files with a certificate authority and certificates that it has signed, created by the openssl
/// command.
public struct TestCertificates: Sendable {
    /// The certificate of the authority.
    public let authority: String
    /// The certificate of the server.
    public let serverCertificate: String
    /// The server's private key.
    public let serverKey: String
    /// The certificate of a client.
    public let clientCertificate: String
    /// The client's private key.
    public let clientKey: String

    /// Creates an authority, and certificates for a server and a client.
    ///
    /// - Parameters:
    ///   - folder: The folder for the files.
    ///   - names: The names of the server, such as `DNS:localhost,IP:127.0.0.1`.
    /// - Throws: ``TestServerError`` if openssl fails.
    public static func make(in folder: URL, for names: String) throws -> TestCertificates {
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
        let certificates = TestCertificates(
            authority: path("ca.crt"), serverCertificate: path("server.crt"), serverKey: path("server.key"),
            clientCertificate: path("client.crt"), clientKey: path("client.key"))
        try Self.openssl(
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
                + ["-subj", "/CN=Test Authority", "-keyout", path("ca.key"), "-out", certificates.authority])
        try self.sign(
            "server", "subjectAltName=\(names)\nextendedKeyUsage=serverAuth,clientAuth", path)
        try self.sign("client", "extendedKeyUsage=clientAuth", path)
        return certificates
    }

    private static func sign(_ name: String, _ extensions: String, _ path: (String) -> String) throws {
        try Data((extensions + "\n").utf8).write(to: URL(fileURLWithPath: path("\(name).ext")))
        try self.openssl(
            ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=\(name)"]
                + ["-keyout", path("\(name).key"), "-out", path("\(name).csr")])
        try self.openssl(
            ["x509", "-req", "-in", path("\(name).csr"), "-CA", path("ca.crt"), "-CAkey", path("ca.key")]
                + ["-CAcreateserial", "-days", "2", "-extfile", path("\(name).ext"), "-out", path("\(name).crt")])
    }

    private static func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw TestServerError("openssl failed, or is not installed. On Debian and Ubuntu: apt-get install openssl")
        }
    }
}
