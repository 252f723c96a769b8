// SPDX-License-Identifier: Apache-2.0

/// What a server and its storage have used. What cannot be measured is missing.
struct Usage {
    enum Resource: CaseIterable {
        /// Seconds of a processor.
        case serverTime, storageTime
        /// Commands of Redis, those in scripts included, or statements of PostgreSQL.
        case commands
        /// Transactions that wrote events.
        case transactions
        /// Bytes. What they are depends on the storage.
        case sent, received, kept
    }

    private var amounts: [Resource: Double] = [:]

    subscript(resource: Resource) -> Double? {
        get { amounts[resource] }
        set { amounts[resource] = newValue }
    }

    static func - (one: Usage, other: Usage) -> Usage { one.combined(other, -) }

    static func / (usage: Usage, count: Double) -> Usage {
        var result = Usage()
        result.amounts = usage.amounts.mapValues { $0 / count }
        return result
    }

    private func combined(_ other: Usage, _ operation: (Double, Double) -> Double) -> Usage {
        var result = Usage()
        for (resource, amount) in amounts {
            if let second = other.amounts[resource] { result.amounts[resource] = operation(amount, second) }
        }
        return result
    }
}
