// SPDX-License-Identifier: Apache-2.0

import Metrics

extension Counter {
    /// Creates the handle of one of this package's counters.
    package convenience init(_ name: MetricName, _ dimensions: [(String, String)] = [], in factory: any MetricsFactory)
    {
        self.init(label: name.rawValue, dimensions: dimensions, factory: factory)
    }
}

extension Recorder {
    /// Creates the handle of one of this package's distributions.
    package convenience init(_ name: MetricName, _ dimensions: [(String, String)] = [], in factory: any MetricsFactory)
    {
        self.init(label: name.rawValue, dimensions: dimensions, aggregate: true, factory: factory)
    }
}

extension Meter {
    /// Creates the handle of one of this package's numbers that rise and fall.
    package convenience init(_ name: MetricName, _ dimensions: [(String, String)] = [], in factory: any MetricsFactory)
    {
        self.init(label: name.rawValue, dimensions: dimensions, factory: factory)
    }
}

extension Metrics.Timer {
    /// Creates the handle of one of this package's durations.
    package convenience init(_ name: MetricName, _ dimensions: [(String, String)] = [], in factory: any MetricsFactory)
    {
        self.init(label: name.rawValue, dimensions: dimensions, factory: factory)
    }

    /// Records a duration.
    package func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (nanoseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        recordNanoseconds(overflow ? .max : max(0, nanoseconds + attoseconds / 1_000_000_000))
    }
}

extension MetricsFactory {
    /// Whether the factory records anything. If `false`, no backend was bootstrapped.
    package var records: Bool { !(self is NOOPMetricsHandler) }
}
