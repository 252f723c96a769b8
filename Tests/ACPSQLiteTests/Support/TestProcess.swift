// SPDX-License-Identifier: Apache-2.0

import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#endif

/// A running `SQLiteTestProcess`. It ends at the latest when this value is deinitialized.
final class TestProcess: Sendable {
    private struct MissingProgram: Error, CustomStringConvertible {
        let description: String
    }

    let pid: Int32
    private let process: Process
    private let input: Pipe
    private let output: FileHandle

    /// - Parameter mounting: A folder on which a disk of 3 MiB is mounted that only the process sees. Requires root.
    init(_ command: String, _ path: String, mounting folder: String? = nil) throws {
        let program = Self.folder.appendingPathComponent("SQLiteTestProcess")
        guard FileManager.default.isExecutableFile(atPath: program.path) else {
            throw MissingProgram(description: "\(program.path) is missing: build the package with its tests")
        }
        process = Process()
        input = Pipe()
        let pipe = Pipe()
        // Other processes must not inherit the ends of the pipes, or they would keep them open.
        for handle in [input.fileHandleForWriting, pipe.fileHandleForReading] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        if let folder {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "unshare", "-m", "sh", "-c",
                #"mount -t tmpfs -o size=3m tmpfs "$0" || { echo "cannot mount"; exit 1; }; exec "$@""#, folder,
                program.path, command, path,
            ]
        } else {
            process.executableURL = program
            process.arguments = [command, path]
        }
        process.standardInput = input
        process.standardOutput = pipe
        try process.run()
        pid = process.processIdentifier
        output = pipe.fileHandleForReading
        try? pipe.fileHandleForWriting.close()
    }

    deinit { try? input.fileHandleForWriting.close() }

    private static var folder: URL {
        let tests = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
        return tests?.bundleURL.deletingLastPathComponent() ?? Bundle.main.bundleURL
    }

    /// Returns the next lines, at least so many unless the output ends before. Does not block a thread of Swift's
    /// concurrency pool.
    func lines(_ count: Int) async -> [String] {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [self] in
                var text = Data()
                while text.count(where: { $0 == UInt8(ascii: "\n") }) < count {
                    let data = output.availableData
                    if data.isEmpty { break }
                    text += data
                }
                continuation.resume(
                    returning: String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init))
            }
        }
    }

    func kill() { _ = signal(SIGKILL) }

    private func signal(_ number: Int32) -> Int32 {
        #if canImport(Darwin)
            Darwin.kill(pid, number)
        #elseif canImport(Glibc)
            Glibc.kill(pid, number)
        #else
            Musl.kill(pid, number)
        #endif
    }

    /// Ends the standard input of the process, and waits for its end.
    func end() async {
        try? input.fileHandleForWriting.close()
        await waitForEnd()
    }

    func waitForEnd() async {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [self] in
                process.waitUntilExit()
                continuation.resume()
            }
        }
    }
}
