// SPDX-License-Identifier: Apache-2.0

/// The values of an export in the text format of Prometheus, by name and labels as they are written.
public struct MetricSamples: Sendable {
    public let values: [String: Double]

    public init(_ text: String) {
        var values: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " ") else { continue }
            values[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
        self.values = values
    }

    /// Returns a value, or `nil` if there is none with this name and these labels.
    public subscript(_ series: String) -> Double? { values[series] }

    /// Returns all values with a name, by their labels.
    public func all(_ name: String) -> [String: Double] {
        Dictionary(
            uniqueKeysWithValues: values.compactMap { key, value in
                if key == name { return ("", value) }
                guard key.hasPrefix(name + "{") else { return nil }
                return (String(key.dropFirst(name.count + 1).dropLast()), value)
            })
    }
}
