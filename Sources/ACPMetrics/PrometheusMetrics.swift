// SPDX-License-Identifier: Apache-2.0

public import Metrics
import Synchronization

/// Collects metrics, and exports them in the text format of Prometheus.
///
/// ```swift
/// let metrics = PrometheusMetrics()
/// MetricsSystem.bootstrap(metrics)
/// print(metrics.text())
/// ```
///
/// Bootstrap it before anything that records metrics is created: handles remain with the factory that made them.
///
/// Counters are exported as counters whose names end in `_total`, gauges and meters as gauges, recorders as histograms,
/// and timers as histograms in seconds whose names end in `_seconds`. Missing suffixes are added, and characters that
/// Prometheus does not allow in names are replaced by underscores.
///
/// All handles with the same name and the same dimensions share one value. What would not fit is not exported: metrics
/// of different types with one name, except the first, and more than ``maximumSeries`` combinations of dimensions of
/// one name.
public final class PrometheusMetrics: MetricsFactory {
    /// The largest number of combinations of dimensions that are exported for one name.
    public let maximumSeries: Int
    private let buckets: [String: [Double]]
    private let families = Mutex<[String: MetricFamily]>([:])

    /// Creates an exporter.
    ///
    /// - Parameters:
    ///   - buckets: The upper bounds of the buckets of histograms, by the name under which they are exported. Defaults
    ///     to bounds that suit durations, sizes in bytes (`_bytes`) and counts.
    ///   - maximumSeries: The largest number of combinations of dimensions that are exported for one name. Defaults to
    ///     2,000.
    public init(buckets: [String: [Double]] = [:], maximumSeries: Int = 2_000) {
        self.buckets = buckets.mapValues { Array(Set($0.filter(\.isFinite))).sorted() }
        self.maximumSeries = maximumSeries
    }

    /// The media type of ``text()``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Returns the current values in the text format of Prometheus, version 0.0.4, together with memory, processor
    /// time and open files of the process on Linux.
    public func text() -> String {
        // The values are read without the lock, so that creating a handle never waits for an export.
        let families = families.withLock { Array($0.values) }
        var writer = PrometheusText()
        for family in (families + MetricFamily.ofProcess()).sorted(by: { $0.name < $1.name }) { writer.write(family) }
        return writer.text
    }

    // MARK: Handles

    /// Returns the counter with a name and dimensions.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, .counter, dimensions) { _ in CounterSeries() }
    }

    /// Returns the counter of fractions with a name and dimensions.
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, .counter, dimensions) { _ in FloatingPointCounterSeries() }
    }

    /// Returns the gauge with a name and dimensions.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, .gauge, dimensions) { _ in GaugeSeries() }
    }

    /// Returns the histogram with a name and dimensions, or the gauge if values are not aggregated.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return series(label, .gauge, dimensions) { _ in GaugeSeries() } }
        return series(label, .histogram, dimensions) { HistogramSeries(bounds: self.bounds(of: $0)) }
    }

    /// Returns the histogram of durations with a name and dimensions.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, .duration, dimensions) { HistogramSeries(bounds: self.bounds(of: $0)) }
    }

    private func bounds(of name: String) -> [Double] { buckets[name] ?? HistogramSeries.bounds(of: name) }

    /// Returns the existing value of a name and dimensions, or a new one.
    private func series<Value: MetricSeries>(
        _ label: String, _ kind: MetricFamily.Kind, _ dimensions: [(String, String)], _ make: (String) -> Value
    ) -> Value {
        let name = MetricFamily.name(of: label, kind)
        let labels = MetricLabels(dimensions)
        return families.withLock { families in
            var family = families[name] ?? MetricFamily(name: name, kind: kind)
            if let existing = family.series[labels] as? Value { return existing }
            let new = make(name)
            guard family.kind.type == kind.type, family.series[labels] == nil, family.series.count < maximumSeries
            else { return new }
            family.series[labels] = new
            families[name] = family
            return new
        }
    }

    // MARK: Removal

    /// Removes a counter from the export.
    public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }

    /// Removes a counter of fractions from the export.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }

    /// Removes a gauge from the export.
    public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }

    /// Removes a histogram or a gauge from the export.
    public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }

    /// Removes a histogram of durations from the export.
    public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    private func remove(_ handler: AnyObject) {
        families.withLock { families in
            for (name, family) in families {
                guard let labels = family.series.first(where: { $0.value === handler })?.key else { continue }
                families[name]?.series[labels] = nil
                if families[name]?.series.isEmpty == true { families[name] = nil }
            }
        }
    }
}
