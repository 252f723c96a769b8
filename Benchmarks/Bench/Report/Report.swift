// SPDX-License-Identifier: Apache-2.0

/// The results of a part of the measurement.
struct Section {
    let title: String
    private(set) var blocks: [String] = []
    private(set) var aims: [Aim] = []

    init(_ title: String) { self.title = title }

    mutating func add(_ table: Table) { blocks.append(table.markdown) }

    mutating func note(_ text: String) { blocks.append(text) }

    mutating func aim(_ what: String, _ aim: String, measured: String, isReached: Bool) {
        aims.append(Aim(what: what, aim: aim, measured: measured, isReached: isReached))
    }

    var markdown: String { (["### \(title)"] + blocks).joined(separator: "\n\n") + "\n" }
}

/// A figure with an aim.
struct Aim {
    let what: String
    let aim: String
    let measured: String
    let isReached: Bool

    static func table(_ aims: [Aim]) -> Table {
        var table = Table(["figure", "aim", "measured", "reached"])
        for aim in aims { table.add([aim.what, aim.aim, aim.measured, aim.isReached ? "yes" : "no"]) }
        return table
    }
}

/// A table in Markdown.
struct Table {
    private let header: [String]
    private var rows: [[String]] = []

    init(_ header: [String]) { self.header = header }

    mutating func add(_ row: [String]) { rows.append(row) }

    var markdown: String {
        let lines = [header, header.map { _ in "---" }] + rows
        return lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}
