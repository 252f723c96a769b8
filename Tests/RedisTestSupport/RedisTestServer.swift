// SPDX-License-Identifier: Apache-2.0

@_exported public import ACPTestSupport
public import Foundation
import NIOConcurrencyHelpers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A real redis-server for a test, on a free loopback port or a Unix socket, with its files in a temporary folder.
///
/// It ends with ``stop()``, with the last reference to it, or with the test process, however that ends.
public final class RedisTestServer: Sendable {
    /// How a server is set up.
    public struct Options: Sendable {
        /// The password of the default user.
        public var password: String?
        /// Lines of an ACL file, such as `user alice on >secret ~app:* &app:* +@all`.
        public var acl: [String] = []
        /// Listen with TLS, with a certificate made for the occasion.
        public var tls = false
        /// Whom the certificate is made out for.
        public var tlsNames = "DNS:localhost,IP:127.0.0.1"
        /// Demand a client certificate.
        public var demandsClientCertificate = false
        /// Listen on a Unix socket only.
        public var unixSocket = false
        /// Behave like a server that does not know HELLO.
        public var resp2Only = false
        /// The limit of memory in bytes, with the policy to refuse writes.
        public var maxMemory: Int?
        /// Keep every write, so that a killed server comes back with all of them.
        public var appendOnly = false
        /// Be a Sentinel instead of a server.
        public var isSentinel = false
        /// Use these certificates instead of making some.
        public var certificates: TestCertificates?
        /// Further lines of the configuration file.
        public var extra: [String] = []

        /// Makes options for a plain server.
        public init() {}
    }

    private struct State {
        var process: SupervisedProcess?
        var isStopped = false
    }

    /// The port, 0 for a Unix socket.
    public let port: Int
    /// The path of the Unix socket, if there is one.
    public let socketPath: String?
    /// The certificates, if the server listens with TLS.
    public let certificates: TestCertificates?
    /// The folder with all files of the server.
    public let folder: URL
    private let options: Options
    private let state = NIOLockedValueBox(State())

    /// Starts a server and waits until it answers.
    /// - Throws: ``TestServerError``; without redis-server its message says how to install it.
    public static func start(_ configure: (inout Options) -> Void = { _ in }) async throws -> RedisTestServer {
        var options = Options()
        configure(&options)
        // Between choosing a free port and listening on it, somebody else may take it.
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

    /// A URL without credentials.
    public var url: String {
        if let socketPath { return "unix://\(socketPath)" }
        if let certificates { return "rediss://127.0.0.1:\(port)?tls_ca=\(certificates.authority)" }
        return "redis://127.0.0.1:\(port)"
    }

    /// The process id of the running server.
    public var pid: Int32? { state.withLockedValue { $0.process?.pid } }

    // MARK: Faults

    /// Kills the server with SIGKILL and waits until it is gone.
    public func kill() async throws {
        let process = state.withLockedValue { $0.process.take() }
        try await process?.kill()
    }

    /// The server runs, or at least was not killed.
    public var isRunning: Bool { state.withLockedValue { $0.process?.isRunning == true } }

    /// Starts the server again on the same port, with the same files.
    public func restart() async throws {
        try await kill()
        try await launch()
    }

    /// Stops the server from running without ending it (SIGSTOP): its connections stay open and silent.
    public func pause() {
        state.withLockedValue { $0.process?.signal(SIGSTOP) }
    }

    /// Lets a paused server run on (SIGCONT).
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

    // MARK: Details

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

    private var log: String {
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
