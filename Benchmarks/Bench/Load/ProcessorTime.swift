// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The processor time of processes, from /proc.
enum ProcessorTime {
    /// Returns the time that a process has used, in seconds, or `nil` where /proc does not contain it.
    ///
    /// - Parameter includesEndedChildren: Whether the time of its children that have ended counts as well.
    static func seconds(of pid: Int32, includesEndedChildren: Bool = false) -> Double? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            // The name of the program before it may contain any character.
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 15 else { return nil }
        let ticks = fields[12...(includesEndedChildren ? 15 : 13)].compactMap { Double($0) }
        // Linux counts in hundredths of a second for every program.
        return ticks.reduce(0, +) / 100
    }
}
