// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Foundation
import Synchronization

/// A failure to set up a resource of a test.
struct SetupError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A real PostgreSQL server for a test, with a cluster of its own in a temporary folder, on a free loopback port.
///
/// It ends with ``stop()``, with the last reference to it, or with the test process, in whatever way that ends.
final class PostgresTestServer: Sendable {
    static let password = "s3cr3t-of-the-tests"

    private struct State {
        var process: SupervisedProcess?
        var isStopped = false
    }

    let port: Int
    let folder: URL
    /// The folder of the programs.
    let binaries: String
    private let state = Mutex(State())

    /// The authority that signed the certificate of a server with TLS.
    var authority: String { folder.appendingPathComponent("ca.crt").path }

    /// Creates a cluster, starts its server, and waits until it responds.
    ///
    /// - Parameters:
    ///   - tls: Whether it supports TLS, with a certificate for 127.0.0.1.
    ///   - settings: Additional lines of its configuration.
    static func start(tls: Bool = false, settings additional: [String] = []) async throws -> PostgresTestServer {
        let server = try PostgresTestServer()
        do {
            let settings = additional + (tls ? try server.makeCertificates() : [])
            try server.makeCluster(settings)
            try await server.launch()
            return server
        } catch {
            server.stop()
            throw error
        }
    }

    private init() throws {
        port = try FreePort.find()
        binaries = try Self.findBinaries()
        // Under a short path that all users may access: the server runs as another user if this one is root.
        folder = URL(fileURLWithPath: "/tmp/acp-pg-\(UInt32.random(in: 0 ... .max))", isDirectory: true)
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { stop() }

    /// Returns a URL for the superuser, who needs no password on the loopback interface.
    var url: String { url(user: "tester") }

    func url(user: String, password: String? = nil, database: String = "postgres", parameters: String = "") -> String {
        let credentials = password.map { "\(user):\($0)" } ?? user
        return "postgresql://\(credentials)@127.0.0.1:\(port)/\(database)\(parameters.isEmpty ? "" : "?" + parameters)"
    }

    // MARK: Faults

    /// Kills the server and all its processes with SIGKILL, and waits for their end.
    func kill() async throws {
        guard let process = state.withLock({ $0.process.take() }) else { return }
        let children = Self.children(of: process.pid)
        try await process.kill()
        for child in children { _ = systemKill(child, SIGKILL) }
        let areGone = try await poll { children.allSatisfy { !Self.isRunning($0) } }
        guard areGone else { throw SetupError("The processes of a killed server did not end.") }
        // The server leaves its lock file behind; until its process is reaped, a new one would consider it running.
        try? FileManager.default.removeItem(at: folder.appendingPathComponent("data/postmaster.pid"))
    }

    /// Starts the server again on the same port, with the same files.
    func restart() async throws {
        try await kill()
        try await launch()
    }

    func stop() {
        let process = state.withLock { state -> SupervisedProcess? in
            guard !state.isStopped else { return nil }
            state.isStopped = true
            return state.process.take()
        }
        if let process {
            // Its children end when they detect that it has ended.
            let children = Self.children(of: process.pid)
            process.endWithoutWaiting()
            for child in children { _ = systemKill(child, SIGKILL) }
        }
        try? FileManager.default.removeItem(at: folder)
        Leftovers.forget(folder.path)
    }

    /// Runs SQL with psql, as the superuser.
    @discardableResult
    func sql(_ text: String, database: String = "postgres") throws -> String {
        try Self.run(
            "\(binaries)/psql",
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url(user: "tester", database: database), "-c", text])
    }

    /// Runs a script with psql.
    func script(_ text: String, database: String = "postgres") throws {
        let file = folder.appendingPathComponent("script-\(UInt32.random(in: 0 ... .max)).sql")
        try Data(text.utf8).write(to: file)
        try Self.run(
            "\(binaries)/psql",
            ["-X", "-q", "-v", "ON_ERROR_STOP=1", url(user: "tester", database: database), "-f", file.path])
    }

    // MARK: Figures

    /// The processor time of all its processes, those that have ended included, in seconds. `nil` where /proc does not
    /// contain it.
    func processorTime() -> Double? {
        guard let pid = state.withLock({ $0.process?.pid }) else { return nil }
        let children = Self.children(of: pid).compactMap { ProcessorTime.seconds(of: $0) }
        return ProcessorTime.seconds(of: pid, includesEndedChildren: true).map { children.reduce($0, +) }
    }

    /// The number of transactions that have stored the events of the storage, and of these events.
    func transactionsWithEvents() throws -> (transactions: Double, events: Double) {
        // Each row has the number of the transaction that wrote it.
        let text = try sql("SELECT count(DISTINCT xmin::text), count(*) FROM acp_events")
        let counts = text.split(separator: "|").compactMap { Double($0) }
        guard counts.count == 2 else { throw BenchError("unexpected output of psql: \(text)") }
        return (counts[0], counts[1])
    }

    /// How many commits of one event a transaction contained on average, as a whole number.
    func commitsPerTransaction() throws -> Int {
        let (transactions, events) = try transactionsWithEvents()
        return transactions > 0 ? max(1, Int((events / transactions).rounded())) : 1
    }

    // MARK: Details

    private static let isRoot = getuid() == 0

    /// The server refuses to run as root: then it runs as the user `nobody`.
    private func asServer(_ program: String, _ arguments: [String]) -> (String, [String]) {
        guard Self.isRoot else { return (program, arguments) }
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups"]
        return ("/usr/bin/setpriv", user + [program] + arguments)
    }

    private func makeCluster(_ settings: [String]) throws {
        if Self.isRoot { _ = chown(folder.path, 65534, 65534) }
        let data = folder.appendingPathComponent("data").path
        let (program, arguments) = asServer(
            "\(binaries)/initdb",
            ["-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        try Self.run(program, arguments)
        let lines =
            [
                "listen_addresses = '127.0.0.1'", "port = \(port)", "unix_socket_directories = ''", "fsync = on",
                "max_connections = 120", "logging_collector = off",
            ] + settings
        let configuration = "\n" + lines.joined(separator: "\n") + "\n"
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(data)/postgresql.conf"))
        try file.seekToEnd()
        try file.write(contentsOf: Data(configuration.utf8))
        try file.close()
        // Roles named `guarded…` need a password.
        let access = "host all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
        try Data(access.utf8).write(to: URL(fileURLWithPath: "\(data)/pg_hba.conf"))
    }

    private func makeCertificates() throws -> [String] {
        let certificates = try TestCertificates.make(in: folder, for: "IP:127.0.0.1")
        if Self.isRoot { _ = chown(certificates.serverKey, 65534, 65534) }
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: certificates.serverKey)
        return [
            "ssl = on", "ssl_cert_file = '\(certificates.serverCertificate)'",
            "ssl_key_file = '\(certificates.serverKey)'",
        ]
    }

    private func launch() async throws {
        let data = folder.appendingPathComponent("data").path
        let (program, arguments) = asServer("\(binaries)/postgres", ["-D", data])
        let log = folder.appendingPathComponent("log").path
        let process = try SupervisedProcess(program, arguments, log: log)
        state.withLock { $0.process = process }
        Leftovers.note(folder.path, process.pid)
        let isReady = try await poll(for: .seconds(60), every: .milliseconds(50)) {
            guard process.isRunning else { throw SetupError("PostgreSQL ended at once: \(self.log)") }
            return (try? self.sql("SELECT 1")) != nil
        }
        guard isReady else { throw SetupError("PostgreSQL was not ready within 60 seconds: \(self.log)") }
    }

    private var log: String {
        (try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)) ?? "(no log)"
    }

    private static func findBinaries() throws -> String {
        let files = FileManager.default
        let versions = (try? files.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let newestFirst = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "/usr/lib/postgresql/\($0)/bin" }
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let needed = ["initdb", "postgres", "psql"]
        for folder in newestFirst + path
        where needed.allSatisfy({ files.isExecutableFile(atPath: "\(folder)/\($0)") }) {
            return folder
        }
        throw SetupError(
            "PostgreSQL's server (initdb, postgres, psql) is not installed. On Debian and Ubuntu: apt-get install postgresql"
        )
    }

    @discardableResult
    private static func run(_ program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        let errors = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let complaint = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw SetupError("\(program) failed: \(String(decoding: complaint, as: UTF8.self))")
        }
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    fileprivate static func children(of pid: Int32) -> [Int32] {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
        return text.split(separator: " ").compactMap { Int32($0) }
    }

    private static func isRunning(_ pid: Int32) -> Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !stat.contains(") Z")
    }
}

/// The C function, which is hidden by methods of the same name.
private func systemKill(_ pid: Int32, _ signal: Int32) -> Int32 { kill(pid, signal) }

/// Servers that are still running when the test process exits, such as the shared one: their folders are large.
private enum Leftovers {
    private static let servers = Mutex<[String: Int32]>([:])
    private static let registered: Void = {
        _ = atexit {
            for (folder, pid) in Leftovers.servers.withLock({ $0 }) {
                let children = PostgresTestServer.children(of: pid)
                for process in [pid] + children { _ = systemKill(process, SIGKILL) }
                try? FileManager.default.removeItem(atPath: folder)
            }
        }
    }()

    static func note(_ folder: String, _ pid: Int32) {
        _ = registered
        servers.withLock { $0[folder] = pid }
    }

    static func forget(_ folder: String) { servers.withLock { $0[folder] = nil } }
}

/// A server that is started by the first test that uses it, for tests that leave it intact. Each test gets a database
/// of its own.
actor SharedServer {
    static let shared = SharedServer()
    private var starting: Task<PostgresTestServer, any Error>?
    private var databases = 0

    var server: PostgresTestServer {
        get async throws {
            // Concurrent tests receive the same server. The task ends when the server has started; the server ends with
            // the test process.
            let task = starting ?? Task { try await PostgresTestServer.start() }
            starting = task
            return try await task.value
        }
    }

    /// Returns the name of a new, empty database.
    func makeDatabase() async throws -> String {
        let server = try await server
        databases += 1
        let name = "test_\(databases)"
        try server.sql("CREATE DATABASE \(name)")
        return name
    }
}
