// SPDX-License-Identifier: Apache-2.0

/// Rows in aligned columns.
struct Table {
    private let header: [String]
    private var rows: [[Cell]] = []

    /// A text with a style, which does not affect the width.
    struct Cell: ExpressibleByStringInterpolation {
        var text: String
        var style: Style?

        init(_ text: String, _ style: Style? = nil) {
            self.text = text.printable.split(whereSeparator: \.isNewline).joined(separator: " ")
            self.style = style
        }

        init(stringLiteral value: String) { self.init(value) }
    }

    init(_ header: String...) { self.header = header }

    mutating func add(_ cells: Cell...) { rows.append(cells) }

    /// The lines of the table. The width of the last column is not limited.
    var lines: [String] {
        let all = [header.map { Cell($0, .dim) }] + rows
        let widths = header.indices.map { column in all.map { $0[column].text.count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell.style.map { $0(cell.text) } ?? cell.text
                if column < row.count - 1, row[(column + 1)...].contains(where: { !$0.text.isEmpty }) {
                    line += String(repeating: " ", count: widths[column] - cell.text.count + 2)
                }
            }
            return line
        }
    }

    func print() throws { try Console.print(lines.joined(separator: "\n")) }
}
