// SPDX-License-Identifier: Apache-2.0

/// Writes the text format of Prometheus, version 0.0.4.
struct PrometheusText {
    private(set) var text = ""

    /// Writes a family with all its series, in the order of their labels.
    mutating func write(_ family: MetricFamily) {
        text += "# HELP \(family.name) \(family.help.escapedForPrometheus(withQuotes: false))\n"
        text += "# TYPE \(family.name) \(family.kind.type)\n"
        for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
            switch series.reading {
            case .number(let value): write(family.name, labels.text, value)
            case .distribution(let bounds, let counts, let sum):
                write(family.name, labels.text, bounds: bounds, counts: counts, sum: sum)
            }
        }
    }

    private mutating func write(
        _ name: String, _ labels: String, bounds: [Double], counts: [UInt64], sum: Double
    ) {
        let prefix = labels.isEmpty ? "" : labels + ","
        // Buckets are cumulative.
        var total: UInt64 = 0
        for (bound, count) in zip(bounds + [.infinity], counts) {
            total += count
            write("\(name)_bucket", "\(prefix)le=\"\(Self.number(bound))\"", Double(total))
        }
        write("\(name)_sum", labels, sum)
        write("\(name)_count", labels, Double(total))
    }

    private mutating func write(_ name: String, _ labels: String, _ value: Double) {
        text += labels.isEmpty ? "\(name) \(Self.number(value))\n" : "\(name){\(labels)} \(Self.number(value))\n"
    }

    /// The text of a number: without a fraction if it is whole.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int64(exactly: value), abs(value) < 1e15 { return "\(whole)" }
        return "\(value)"
    }
}
