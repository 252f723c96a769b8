// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Foundation

/// PgBouncer on a free loopback port, in front of a test server.
final class Pooler: Sendable {
    let port: Int
    private let folder: URL
    private let process: SupervisedProcess

    static func start(before server: Int, mode: String, poolSize: Int) async throws -> Pooler {
        let pooler = try Pooler(server, mode, poolSize)
        let isReady = try await poll(for: .seconds(30), every: .milliseconds(20)) {
            guard pooler.process.isRunning else { throw SetupError("PgBouncer ended at once: \(pooler.log)") }
            return pooler.log.contains("process up")
        }
        guard isReady else { throw SetupError("PgBouncer was not ready within 30 seconds: \(pooler.log)") }
        return pooler
    }

    private init(_ server: Int, _ mode: String, _ poolSize: Int) throws {
        guard
            let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].first(
                where: FileManager.default.isExecutableFile)
        else { throw SetupError("PgBouncer is not installed. On Debian and Ubuntu: apt-get install pgbouncer") }
        port = try FreePort.find()
        folder = URL(fileURLWithPath: "/tmp/acp-pooler-\(UInt32.random(in: 0 ... .max))", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let settings = """
            [databases]
            * = host=127.0.0.1 port=\(server)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = any
            auth_file =
            pool_mode = \(mode)
            default_pool_size = \(poolSize)
            """
        // With `auth_type = any`, each database names its user.
        try Data(settings.replacing("port=\(server)", with: "port=\(server) user=tester").utf8)
            .write(to: folder.appendingPathComponent("pgbouncer.ini"))
        let file = folder.appendingPathComponent("pgbouncer.ini").path
        let log = folder.appendingPathComponent("log").path
        // PgBouncer refuses to run as root.
        if getuid() == 0 {
            process = try SupervisedProcess(
                "/usr/bin/setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", program, file], log: log)
        } else {
            process = try SupervisedProcess(program, [file], log: log)
        }
    }

    deinit { stop() }

    func stop() {
        process.endWithoutWaiting()
        try? FileManager.default.removeItem(at: folder)
    }

    private var log: String {
        (try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)) ?? "(no log)"
    }
}
