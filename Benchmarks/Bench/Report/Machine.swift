// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A description of the machine and the programs of this measurement.
enum Machine {
    static func description(python: String?) -> String {
        let processor = Command.output(
            "/bin/sh", ["-c", "grep -m1 '^model name' /proc/cpuinfo || sysctl -n machdep.cpu.brand_string"]
        )
        .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        let memory = Double(ProcessInfo.processInfo.physicalMemory) / 1_073_741_824
        let system = Command.output(
            "/bin/sh", ["-c", ". /etc/os-release 2>/dev/null && echo $PRETTY_NAME || sw_vers -productVersion"])
        let kernel = Command.output("/usr/bin/env", ["uname", "-sr"])
        let date = ISO8601DateFormatter.string(from: Date(), timeZone: .gmt, formatOptions: [.withFullDate])
        let programs = [
            version("swift", ["--version"], #"Swift version ([0-9.]+)"#, "Swift"),
            version("redis-server", ["--version"], #"v=([0-9.]+)"#, "redis-server"),
            version("postgres", ["--version"], #"\(PostgreSQL\) ([0-9.]+)"#, "PostgreSQL"),
            python.flatMap { version($0, ["--version"], #"Python ([0-9.]+)"#, "Python") },
            version("wrk", ["-v"], #"wrk [a-z]*/?([0-9.]+)"#, "wrk"),
        ].compactMap(\.self)
        return """
            Measured on \(date): \(ProcessInfo.processInfo.activeProcessorCount) processors (\(processor ?? "unknown")), \
            \(Figure.whole(memory)) GiB of memory, \(system), \(kernel). \(programs.joined(separator: ", ")). \
            Release build. Everything ran on this machine over loopback, so the load generators shared its \
            processors with the measured programs.
            """
    }

    private static func version(_ program: String, _ arguments: [String], _ pattern: String, _ name: String) -> String?
    {
        let text = Command.output("/usr/bin/env", [program] + arguments)
        guard let expression = try? Regex(pattern), let match = text.firstMatch(of: expression),
            let version = match.output[1].substring
        else { return nil }
        return "\(name) \(version)"
    }
}
