// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The page of the guide that contains the figures, which the benchmarks write between two markers.
enum PerformancePage {
    private static let begin = "<!-- figures: written by make bench -->"
    private static let end = "<!-- end of the figures -->"

    static func write(_ figures: String, to path: String) throws {
        let page = try String(contentsOfFile: path, encoding: .utf8)
        guard let head = page.range(of: begin), let tail = page.range(of: end, range: head.upperBound..<page.endIndex)
        else {
            throw BenchError("\(path) does not have the lines \(begin) and \(end), between which the figures go")
        }
        let text = page[..<head.upperBound] + "\n\n" + figures + "\n" + page[tail.lowerBound...]
        try String(text).write(toFile: path, atomically: true, encoding: .utf8)
    }
}
