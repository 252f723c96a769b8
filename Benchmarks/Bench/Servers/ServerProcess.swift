// SPDX-License-Identifier: Apache-2.0

import Foundation
import RedisTestSupport

/// A server that prints its address in its first line. It ends with ``stop()``, with the last reference to it, or with
/// this process, in whatever way that ends.
final class ServerProcess: Sendable {
    let port: Int
    let pid: Int32
    private let process: SupervisedProcess

    /// Starts a server and waits until it listens.
    static func start(_ program: String, _ arguments: [String], in folder: URL) async throws -> ServerProcess {
        let log = folder.appendingPathComponent("server-\(UInt32.random(in: 0 ... .max)).log").path
        let process = try SupervisedProcess(program, arguments, log: log)
        var port: Int?
        try await poll(for: .seconds(60)) {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            guard process.isRunning else { throw BenchError("\(program) ended at once: \(text)") }
            if let match = text.firstMatch(of: /http:\/\/127\.0\.0\.1:([0-9]+)\n/) { port = Int(match.1) }
            return port != nil
        }
        guard let port else { throw BenchError("\(program) did not listen within 60 seconds") }
        return ServerProcess(port: port, process: process)
    }

    private init(port: Int, process: SupervisedProcess) {
        self.port = port
        self.process = process
        pid = process.pid
    }

    /// The resident memory of the process, in KiB.
    ///
    /// It is read from /proc where there is one: `Process` of Foundation can crash while thousands of connections are
    /// open.
    func memory() throws -> Double {
        if let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) {
            guard let match = status.firstMatch(of: /VmRSS:\s*([0-9]+) kB/), let memory = Double(match.1) else {
                throw BenchError("/proc does not contain the memory of process \(pid): \(status)")
            }
            return memory
        }
        let text = try Command.run("ps", ["-o", "rss=", "-p", "\(pid)"])
        guard let memory = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw BenchError("ps did not report the memory of process \(pid): \(text)")
        }
        return memory
    }

    /// The processor time that the process has used, in seconds. `nil` where /proc does not contain it.
    func processorTime() -> Double? { ProcessorTime.seconds(of: pid) }

    func stop() { process.endWithoutWaiting() }
}
