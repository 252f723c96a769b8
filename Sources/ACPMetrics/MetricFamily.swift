// SPDX-License-Identifier: Apache-2.0

/// All values with one name.
struct MetricFamily: Sendable {
    enum Kind: Sendable {
        case counter
        case gauge
        case histogram
        /// A histogram of durations in seconds.
        case duration

        /// The type as Prometheus names it.
        var type: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram, .duration: "histogram"
            }
        }
    }

    let name: String
    let kind: Kind
    var series: [MetricLabels: any MetricSeries] = [:]

    /// What the metric measures.
    var help: String { MetricName(rawValue: name)?.help ?? name }

    /// Returns the name under which a label is exported.
    static func name(of label: String, _ kind: Kind) -> String {
        var name = label.prometheusName(isMetric: true)
        switch kind {
        case .counter where !name.hasSuffix("_total"): name += "_total"
        case .duration where !name.hasSuffix("_seconds"): name += "_seconds"
        case .counter, .duration, .gauge, .histogram: break
        }
        return name
    }
}

/// The dimensions of one value.
struct MetricLabels: Hashable, Sendable, Comparable {
    /// Labels as they are written, without braces: `agent="echo",outcome="completed"`. Empty if there are none.
    let text: String

    /// - Parameter dimensions: Names and values. Of several dimensions with one name, the first applies.
    init(_ dimensions: [(String, String)]) {
        var labels: [String: String] = [:]
        for (name, value) in dimensions {
            var name = name.prometheusName(isMetric: false)
            // Histograms use this name for the bounds of their buckets.
            if name == "le" { name = "exported_le" }
            if labels[name] == nil { labels[name] = value }
        }
        text = labels.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\($0.value.escapedForPrometheus(withQuotes: true))\"" }.joined(separator: ",")
    }

    static func < (left: MetricLabels, right: MetricLabels) -> Bool { left.text < right.text }
}

extension String {
    /// The text as a name of a metric or of a label, with underscores in place of what is not allowed.
    fileprivate func prometheusName(isMetric: Bool) -> String {
        var name = String(
            map { character in
                let isValid =
                    character.isASCII && (character.isLetter || character.isNumber || character == "_")
                    || isMetric && character == ":"
                return isValid ? character : "_"
            })
        if name.first.map(\.isNumber) ?? true { name = "_" + name }
        // Labels that begin with two underscores are reserved.
        while !isMetric, name.hasPrefix("__") { name.removeFirst() }
        return name
    }

    /// The text with backslashes, line breaks and, in labels, quotation marks escaped.
    func escapedForPrometheus(withQuotes: Bool) -> String {
        guard utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x22 }) else { return self }
        var escaped = ""
        for scalar in unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where withQuotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
