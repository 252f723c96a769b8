// SPDX-License-Identifier: Apache-2.0

import Foundation

extension MetricFamily {
    /// Returns the memory, processor time and open files of the process, as far as the system tells.
    static func ofProcess() -> [MetricFamily] {
        ProcessReading().values.map { name, value in
            let series = GaugeSeries()
            series.set(value)
            return MetricFamily(
                name: name.rawValue, kind: name == .processorTime ? .counter : .gauge,
                series: [MetricLabels([]): series])
        }
    }
}

/// What the system tells about this process. On systems other than Linux it is empty.
private struct ProcessReading {
    private(set) var values: [MetricName: Double] = [:]

    init() {
        #if os(Linux)
            // The fields after the name of the program, which may contain spaces and parentheses.
            let text = Self.text("/proc/self/stat")
            guard let end = text.lastIndex(of: ")") else { return }
            let fields = text[text.index(after: end)...].split(separator: " ").map { Double($0) ?? 0 }
            let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
            guard fields.count > 21 else { return }
            values[.processorTime] = (fields[11] + fields[12]) / ticks
            values[.residentMemory] = fields[21] * Double(sysconf(Int32(_SC_PAGESIZE)))
            let boot = Self.text("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
            if let boot = boot.flatMap({ Double($0.dropFirst(6)) }) { values[.startTime] = boot + fields[19] / ticks }
            if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
                // Without the one that reads the folder.
                values[.openFiles] = Double(max(0, files.count - 1))
            }
            var limit = rlimit()
            if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
                values[.maximumFiles] = Double(limit.rlim_cur)
            }
        #endif
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
