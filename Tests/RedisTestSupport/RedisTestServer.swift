// SPDX-License-Identifier: Apache-2.0

@_exported public import ACPTestSupport
public import Foundation
import NIOConcurrencyHelpers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A redis-server process for tests, on a free loopback port or a Unix socket, with its files in a temporary folder.
///
/// The process ends with ``stop()``, with the last reference to it, or with the test process, for whatever reason that
/// ends.
public final class RedisTestServer: Sendable {
    /// The configuration of a server.
    public struct Options: Sendable {
        /// The password of the default user. If `nil`, no password is required.
        public var password: String?
        /// The lines of an ACL file, such as `user alice on >secret ~app:* &app:* +@all`.
        public var acl: [String] = []
        /// Whether the server listens with TLS, with a generated certificate. Defaults to `false`.
        public var tls = false
        /// The names in the generated certificate.
        public var tlsNames = "DNS:localhost,IP:127.0.0.1"
        /// Whether the server requires a client certificate. Defaults to `false`.
        public var demandsClientCertificate = false
        /// Whether the server listens on a Unix socket only. Defaults to `false`.
        public var unixSocket = false
        /// Whether the server rejects `HELLO`, like servers before version 6. Defaults to `false`.
        public var resp2Only = false
        /// The limit of memory in bytes, with the policy to refuse writes. If `nil`, memory is not limited.
        public var maxMemory: Int?
        /// Whether every write is persisted, so that a killed server restarts with all of them. Defaults to `false`.
        public var appendOnly = false
        /// Whether the process is a Sentinel. Defaults to `false`.
        public var isSentinel = false
        /// The certificates to use. If `nil`, certificates are generated.
        public var certificates: TestCertificates?
        /// Additional lines of the configuration file.
        public var extra: [String] = []

        /// Creates options for a server without TLS and passwords.
        public init() {}
    }

    private struct State {
        var process: SupervisedProcess?
        var isStopped = false
    }

    /// The port, or 0 for a Unix socket.
    public let port: Int
    /// The path of the Unix socket, or `nil` for a port.
    public let socketPath: String?
    /// The certificates, or `nil` without TLS.
    public let certificates: TestCertificates?
    /// The folder with the files of the server.
    public let folder: URL
    private let options: Options
    private let state = NIOLockedValueBox(State())

    /// Starts a server and waits until it responds.
    /// - Throws: ``TestServerError``. If redis-server is missing, its message explains how to install it.
    public static func start(_ configure: (inout Options) -> Void = { _ in }) async throws -> RedisTestServer {
        var options = Options()
        configure(&options)
        // Another process may use the port before the server listens on it.
        for attempt in 1... {
            let server = try RedisTestServer(options)
            do {
                try await server.launch()
                return server
            } catch {
                server.stop()
                if attempt == 5 { throw error }
            }
        }
        throw TestServerError("redis-server did not start.")
    }

    private init(_ options: Options) throws {
        self.options = options
        folder = try TestFolder.make("redis")
        certificates =
            options.tls
            ? try options.certificates ?? TestCertificates.make(in: folder, for: options.tlsNames) : nil
        socketPath = options.unixSocket ? folder.appendingPathComponent("redis.sock").path : nil
        port = options.unixSocket ? 0 : try FreePort.find()
        try writeConfiguration()
    }

    deinit {
        stop()
    }

    // MARK: URLs

    /// The URL of the server, without credentials.
    public var url: String {
        if let socketPath { return "unix://\(socketPath)" }
        if let certificates { return "rediss://127.0.0.1:\(port)?tls_ca=\(certificates.authority)" }
        return "redis://127.0.0.1:\(port)"
    }

    /// The process ID of the running server.
    public var pid: Int32? { state.withLockedValue { $0.process?.pid } }

    // MARK: Faults

    /// Kills the server with SIGKILL and waits until it has ended.
    public func kill() async throws {
        let process = state.withLockedValue { $0.process.take() }
        try await process?.kill()
    }

    /// Whether the server runs, as far as known: it was not killed.
    public var isRunning: Bool { state.withLockedValue { $0.process?.isRunning == true } }

    /// Restarts the server on the same port, with the same files.
    public func restart() async throws {
        try await kill()
        try await launch()
    }

    /// Pauses the server without ending it (SIGSTOP): its connections stay open and silent.
    public func pause() {
        state.withLockedValue { $0.process?.signal(SIGSTOP) }
    }

    /// Resumes a paused server (SIGCONT).
    public func resume() {
        state.withLockedValue { $0.process?.signal(SIGCONT) }
    }

    /// Ends the server and removes its folder.
    public func stop() {
        let process = self.state.withLockedValue { state -> SupervisedProcess? in
            guard !state.isStopped else { return nil }
            state.isStopped = true
            return state.process.take()
        }
        process?.endWithoutWaiting()
        try? FileManager.default.removeItem(at: folder)
    }

    // MARK: Helpers

    private func launch() async throws {
        let binary = try Self.binary()
        let process = try SupervisedProcess(
            binary,
            [folder.appendingPathComponent("redis.conf").path] + (options.isSentinel ? ["--sentinel"] : []),
            log: folder.appendingPathComponent("redis.log").path)
        state.withLockedValue { $0.process = process }
        let isReady = try await poll(for: .seconds(20)) {
            guard process.isRunning else {
                throw TestServerError("redis-server ended at once: \(log)")
            }
            if let socketPath { return LoopbackSocket.accepts(unixSocket: socketPath) }
            return LoopbackSocket.accepts(port: port)
        }
        guard isReady else { throw TestServerError("redis-server was not ready within 20 seconds: \(log)") }
    }

    /// The log of the server.
    public var log: String {
        (try? String(contentsOf: folder.appendingPathComponent("redis.log"), encoding: .utf8)) ?? "(no log)"
    }

    private static func binary() throws -> String {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") + ["/usr/bin"]
        for folder in folders where FileManager.default.isExecutableFile(atPath: "\(folder)/redis-server") {
            return "\(folder)/redis-server"
        }
        throw TestServerError("redis-server is not installed. On Debian and Ubuntu: apt-get install redis-server")
    }

    private func writeConfiguration() throws {
        var lines = [
            "bind 127.0.0.1",
            "dir \(folder.path)",
            "daemonize no",
        ]
        if !options.isSentinel {
            lines += [
                "save \"\"", "enable-debug-command yes",
                "appendonly \(options.appendOnly ? "yes" : "no")", "appendfsync always",
            ]
        }
        if let socketPath { lines += ["port 0", "unixsocket \(socketPath)"] }
        if let certificates {
            lines += [
                "port 0", "tls-port \(port)",
                "tls-cert-file \(certificates.serverCertificate)", "tls-key-file \(certificates.serverKey)",
                "tls-ca-cert-file \(certificates.authority)",
                "tls-auth-clients \(options.demandsClientCertificate ? "yes" : "no")",
            ]
        } else if self.socketPath == nil {
            lines.append("port \(port)")
        }
        if let password = options.password { lines.append("requirepass \(password)") }
        if options.resp2Only { lines.append("rename-command HELLO \"\"") }
        if let limit = options.maxMemory { lines += ["maxmemory \(limit)", "maxmemory-policy noeviction"] }
        if !options.acl.isEmpty {
            let file = folder.appendingPathComponent("users.acl")
            try Data((options.acl.joined(separator: "\n") + "\n").utf8).write(to: file)
            lines.append("aclfile \(file.path)")
        }
        lines += options.extra
        let text = lines.joined(separator: "\n") + "\n"
        try Data(text.utf8).write(to: folder.appendingPathComponent("redis.conf"))
    }
}
