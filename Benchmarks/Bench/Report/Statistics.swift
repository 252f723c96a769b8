// SPDX-License-Identifier: Apache-2.0

/// Repeated measurements of one figure.
struct Series {
    private(set) var values: [Double] = []

    mutating func add(_ value: Double) { values.append(value) }

    var median: Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    func percentile(_ part: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        return values.sorted()[min(values.count - 1, Int(Double(values.count) * part))]
    }

    /// Returns the ratio of this figure and another one that was measured in the same rounds.
    func over(_ other: Series) -> Ratio {
        Ratio(value: median / other.median, rounds: zip(values, other.values).map { $0 / $1 })
    }

    /// The median, and the lowest and highest figure if there are several.
    func text(_ format: (Double) -> String) -> String {
        guard let low = values.min(), let high = values.max() else { return "–" }
        return values.count == 1 ? format(low) : "\(format(median)) (\(format(low))–\(format(high)))"
    }
}

/// A figure against another one.
struct Ratio {
    /// The ratio of both medians.
    let value: Double
    /// The ratio in each round, in which other load on the machine affected both alike.
    let rounds: [Double]

    /// The ratio of the medians, and the lowest and highest one of a round if there are several.
    func text(_ format: (Double) -> String) -> String {
        guard let low = rounds.min(), let high = rounds.max() else { return "–" }
        // The ratio of the medians may be outside of those of the rounds.
        return rounds.count == 1
            ? format(value) : "\(format(value)) (\(format(min(low, value)))–\(format(max(high, value))))"
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

/// Formats for numbers.
enum Figure {
    /// `12,345`.
    static func whole(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        let digits = String(Int64(value.magnitude.rounded()))
        var text = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return value <= -0.5 ? "-" + text : text
    }

    /// `0.43`, `43` from ten on, and `0.004` below a tenth.
    static func ratio(_ value: Double) -> String {
        value.magnitude >= 10 ? whole(value) : decimal(value, value.magnitude < 0.1 ? 3 : 2)
    }

    /// `3.1`.
    static func decimal(_ value: Double, _ places: Int) -> String {
        guard value.isFinite else { return "–" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let scaled = Int64((value.magnitude * scale).rounded())
        let fraction = String(scaled % Int64(scale))
        let padded = String(repeating: "0", count: places - fraction.count) + fraction
        return "\(value < 0 && scaled > 0 ? "-" : "")\(scaled / Int64(scale)).\(padded)"
    }

    /// Seconds as `µs`, `ms` or `s`.
    static func time(_ seconds: Double) -> String {
        switch seconds {
        case ..<0.001: significant(seconds * 1e6) + " µs"
        case ..<1: significant(seconds * 1e3) + " ms"
        default: significant(seconds) + " s"
        }
    }

    /// Kibibytes as `KiB` or `MiB`.
    static func memory(_ kibibytes: Double) -> String {
        kibibytes.magnitude < 1_024
            ? significant(kibibytes) + " KiB" : significant(kibibytes / 1_024) + " MiB"
    }

    private static func significant(_ value: Double) -> String {
        switch value.magnitude {
        case ..<10: decimal(value, 2)
        case ..<100: decimal(value, 1)
        default: whole(value)
        }
    }
}
