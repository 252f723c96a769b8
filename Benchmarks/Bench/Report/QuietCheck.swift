// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How busy the machine is before anything is measured.
struct QuietCheck: Sendable {
    /// The share of the processor time that was idle. `nil` where /proc does not contain it.
    let idleShare: Double?
    /// The load average of the last minute.
    let load: Double?
    /// The names of the programs that used most processor time, at most three.
    let busiest: [String]

    /// Less idle time than this changes figures noticeably. The load average does not decide: it still contains the build
    /// that precedes a measurement.
    private static let limit = 0.9

    /// Whether the machine has nothing else to do. A machine about which nothing is known counts as quiet.
    var isQuiet: Bool { idleShare.map { $0 >= Self.limit } ?? true }

    /// Observes the machine for a second.
    static func measure() async throws -> QuietCheck {
        let (before, programs) = (ProcessorShare.read(), ProgramTime.readAll())
        try await Task.sleep(for: .seconds(1))
        let (after, programsAfter) = (ProcessorShare.read(), ProgramTime.readAll())
        var idleShare: Double?
        if let before, let after, after.total > before.total {
            idleShare = (after.idle - before.idle) / (after.total - before.total)
        }
        return QuietCheck(
            idleShare: idleShare, load: loadAverage(), busiest: ProgramTime.busiest(programs, programsAfter))
    }

    /// A sentence for the page of the figures.
    var description: String {
        guard let idleShare else { return "It is not known how busy the machine was." }
        let load = load.map { ", load average \(Figure.decimal($0, 2))" } ?? ""
        let state = isQuiet ? "The machine was quiet at the start" : "**The machine was busy at the start**"
        return "\(state): \(Figure.whole(idleShare * 100))% of the processor time was idle\(load)."
    }

    /// The warning if the machine is busy, else `nil`.
    var warning: String? {
        guard !isQuiet, let idleShare else { return nil }
        let names = busiest.isEmpty ? "" : ", most of the rest went to \(busiest.joined(separator: ", "))"
        return """
            warning: the machine is busy: only \(Figure.whole(idleShare * 100))% of the processor time is idle\(names). \
            Ratios and figures per second will differ from those of a quiet machine; counts will not.
            """
    }

    private static func loadAverage() -> Double? {
        (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))?.split(separator: " ").first.flatMap {
            Double($0)
        }
    }
}

/// The time of all processors together, in ticks.
private struct ProcessorShare {
    let idle: Double
    let total: Double

    static func read() -> ProcessorShare? {
        guard let text = try? String(contentsOfFile: "/proc/stat", encoding: .utf8),
            let line = text.split(separator: "\n").first, line.hasPrefix("cpu ")
        else { return nil }
        // user, nice, system, idle, iowait, irq, softirq, steal. What follows is contained in the first two.
        let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
        guard ticks.count >= 5 else { return nil }
        return ProcessorShare(idle: ticks[3] + ticks[4], total: ticks.reduce(0, +))
    }
}

/// The processor time that the processes with one name have used.
private enum ProgramTime {
    /// Returns the seconds of each process, with the name of its program.
    static func readAll() -> [Int32: (name: String, seconds: Double)] {
        var result: [Int32: (name: String, seconds: Double)] = [:]
        for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(entry), pid != ProcessInfo.processInfo.processIdentifier,
                let name = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8),
                let time = ProcessorTime.seconds(of: pid)
            else { continue }
            result[pid] = (name.trimmingCharacters(in: .whitespacesAndNewlines), time)
        }
        return result
    }

    /// Returns the names of the programs that used more than a twentieth of a processor, the busiest one first.
    static func busiest(
        _ before: [Int32: (name: String, seconds: Double)], _ after: [Int32: (name: String, seconds: Double)]
    ) -> [String] {
        var used: [String: Double] = [:]
        for (pid, process) in after { used[process.name, default: 0] += process.seconds - (before[pid]?.seconds ?? 0) }
        return used.filter { $0.value > 0.05 }.sorted { $0.value > $1.value }.prefix(3).map(\.key)
    }
}
