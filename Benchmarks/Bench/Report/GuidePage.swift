// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A page of the guide that contains figures, which the benchmarks write between two markers.
enum GuidePage {
    private static let end = "<!-- end of the figures -->"

    /// Replaces figures of a page.
    ///
    /// - Parameter name: The name in the first marker: `figures`, `costs`, or `shards`.
    static func write(_ figures: String, named name: String, to path: String) throws {
        let begin = "<!-- \(name): written by make bench -->"
        let page = try String(contentsOfFile: path, encoding: .utf8)
        guard let head = page.range(of: begin), let tail = page.range(of: end, range: head.upperBound..<page.endIndex)
        else {
            throw BenchError("\(path) does not have the lines \(begin) and \(end), between which the figures go")
        }
        let text = page[..<head.upperBound] + "\n\n" + figures + "\n" + page[tail.lowerBound...]
        try String(text).write(toFile: path, atomically: true, encoding: .utf8)
    }
}
