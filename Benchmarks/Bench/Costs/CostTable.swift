// SPDX-License-Identifier: Apache-2.0

/// The costs of all storages. `scripts/capacity` reads the table from the guide, with the names of the rows as here.
struct CostTable {
    private var rows: [(name: String, unit: String, values: [CostSubject: Double])] = []

    mutating func set(_ name: String, _ unit: String, _ subject: CostSubject, _ value: Double?) {
        guard let value, value.isFinite else { return }
        // A difference of two measurements may be slightly negative where there is no cost.
        let cost = max(0, value)
        if let place = rows.firstIndex(where: { $0.name == name }) {
            rows[place].values[subject] = cost
        } else {
            rows.append((name, unit, [subject: cost]))
        }
    }

    /// Sets the rows that a run, an event and the like have in common.
    mutating func set(_ name: String, _ subject: CostSubject, _ usage: Usage) {
        set("\(name): processor time of the server", "µs", subject, usage[.serverTime].map { $0 * 1e6 })
        set("\(name): processor time of the storage", "µs", subject, usage[.storageTime].map { $0 * 1e6 })
        set("\(name): commands of the storage", "", subject, usage[.commands])
        set("\(name): transactions with events", "", subject, usage[.transactions])
        set("\(name): written to the storage", "bytes", subject, usage[.sent])
        set("\(name): read from the storage", "bytes", subject, usage[.received])
        set("\(name): kept in the storage", "bytes", subject, usage[.kept])
    }

    /// The table, whose numbers have no units of their own.
    func table(of subjects: [CostSubject] = CostSubject.allCases) -> Table {
        var table = Table(["cost", "unit"] + subjects.map(\.title))
        for row in rows {
            table.add([row.name, row.unit] + subjects.map { row.values[$0].map(Self.number) ?? "–" })
        }
        return table
    }

    private static func number(_ value: Double) -> String {
        value >= 100 ? Figure.whole(value) : value >= 10 ? Figure.decimal(value, 1) : Figure.decimal(value, 3)
    }
}
