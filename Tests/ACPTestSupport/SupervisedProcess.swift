// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A child process that cannot outlive this process.
///
/// A shell starts the program, prints its process id, and kills it when the shell's standard input ends. The operating
/// system closes this input even if this process crashes.
public final class SupervisedProcess: Sendable {
    /// The process id of the program.
    public let pid: Int32
    private let input: Pipe
    private let isEnded = Mutex(false)

    /// Starts a program, and appends its output to a file.
    public init(_ program: String, _ arguments: [String], log: String) throws {
        let shell = Process()
        let input = Pipe()
        let output = Pipe()
        // Other child processes must not inherit the ends of the pipes, or they would keep them open.
        for handle in [input.fileHandleForReading, input.fileHandleForWriting, output.fileHandleForReading] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments =
            [
                "-c",
                #"log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!; exec >&-; read -r _; kill -9 $! 2>/dev/null"#,
                "sh", log, program,
            ] + arguments
        shell.standardInput = input
        shell.standardOutput = output
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let pid = Int32(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw TestServerError("\(program) could not be started.")
        }
        self.pid = pid
        self.input = input
    }

    deinit {
        self.endWithoutWaiting()
    }

    /// Whether the program is running. On systems without /proc, a process that has ended also counts as running until
    /// its shell has noticed it.
    public var isRunning: Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(self.pid)/stat", encoding: .utf8) else {
            return Glibc_kill(self.pid, 0) == 0
        }
        guard stat.contains(") Z") else { return true }
        // The other threads may end after the first one. Until then, sockets are open.
        let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(self.pid)/task")
        return (threads?.count ?? 0) > 1
    }

    /// Sends a signal to the program.
    public func signal(_ number: Int32) {
        _ = Glibc_kill(self.pid, number)
    }

    /// Kills the program with SIGKILL and waits until it has ended.
    public func kill() async throws {
        self.signal(SIGKILL)
        let isGone = try await poll(for: .seconds(10)) { !self.isRunning }
        self.endWithoutWaiting()
        guard isGone else { throw TestServerError("Process \(self.pid) did not end.") }
    }

    /// Kills the program and its shell without waiting.
    public func endWithoutWaiting() {
        let isFirst = self.isEnded.withLock { isEnded in
            defer { isEnded = true }
            return !isEnded
        }
        guard isFirst else { return }
        // On some systems, a stopped process does not react to SIGKILL.
        self.signal(SIGCONT)
        self.signal(SIGKILL)
        try? self.input.fileHandleForWriting.close()
    }
}

/// Calls the C function `kill`, which the method of the same name hides.
private func Glibc_kill(_ pid: Int32, _ signal: Int32) -> Int32 {
    kill(pid, signal)
}
