// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A process that cannot outlive this one.
///
/// A shell stands between: it starts the program, tells its process id, and kills it when its standard input ends, which
/// the system sees to even if this process crashes.
public final class SupervisedProcess: Sendable {
    /// The number of the program's process.
    public let pid: Int32
    private let input: Pipe
    private let isEnded = Mutex(false)

    /// Starts a program whose output goes to the end of a file.
    public init(_ program: String, _ arguments: [String], log: String) throws {
        let shell = Process()
        let input = Pipe()
        let output = Pipe()
        // Other processes that this one starts must not inherit the ends of the pipes, or they would keep them open.
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

    /// Whether the program runs. A process that has ended and whose shell does not know it yet counts as running on systems without /proc.
    public var isRunning: Bool {
        guard let stat = try? String(contentsOfFile: "/proc/\(self.pid)/stat", encoding: .utf8) else {
            return Glibc_kill(self.pid, 0) == 0
        }
        return !stat.contains(") Z")
    }

    /// Sends a signal to the program.
    public func signal(_ number: Int32) {
        _ = Glibc_kill(self.pid, number)
    }

    /// Kills the program with SIGKILL and waits until it is gone.
    public func kill() async throws {
        self.signal(SIGKILL)
        let isGone = try await poll(for: .seconds(10)) { !self.isRunning }
        self.endWithoutWaiting()
        guard isGone else { throw TestServerError("Process \(self.pid) did not end.") }
    }

    /// Kills the program, and lets the shell between go.
    public func endWithoutWaiting() {
        let isFirst = self.isEnded.withLock { isEnded in
            defer { isEnded = true }
            return !isEnded
        }
        guard isFirst else { return }
        // A stopped process does not notice that it is killed on every system.
        self.signal(SIGCONT)
        self.signal(SIGKILL)
        try? self.input.fileHandleForWriting.close()
    }
}

/// The C function, which the method of the same name hides.
private func Glibc_kill(_ pid: Int32, _ signal: Int32) -> Int32 {
    kill(pid, signal)
}
