// SPDX-License-Identifier: Apache-2.0

import Metrics
import Synchronization

/// One value, or one distribution, with its dimensions.
protocol MetricSeries: AnyObject, Sendable {
    var reading: MetricReading { get }
}

/// What a series has recorded.
enum MetricReading: Sendable {
    case number(Double)
    /// The number of values in each bucket, the last of which has no bound, and the sum of all values.
    case distribution(bounds: [Double], counts: [UInt64], sum: Double)
}

final class CounterSeries: MetricSeries, CounterHandler {
    private let value = Atomic<Int64>(0)

    var reading: MetricReading { .number(Double(value.load(ordering: .relaxed))) }

    func increment(by amount: Int64) { value.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { value.store(0, ordering: .relaxed) }
}

final class FloatingPointCounterSeries: MetricSeries, FloatingPointCounterHandler {
    private let value = AtomicDouble()

    var reading: MetricReading { .number(value.load()) }

    func increment(by amount: Double) {
        // A counter never decreases.
        if amount > 0, amount.isFinite { value.add(amount) }
    }

    func reset() { value.store(0) }
}

final class GaugeSeries: MetricSeries, RecorderHandler, MeterHandler {
    private let value = AtomicDouble()

    var reading: MetricReading { .number(value.load()) }

    func record(_ value: Int64) { self.value.store(Double(value)) }
    func record(_ value: Double) { self.value.store(value) }
    func set(_ value: Int64) { self.value.store(Double(value)) }
    func set(_ value: Double) { self.value.store(value) }
    func increment(by amount: Double) { value.add(amount) }
    func decrement(by amount: Double) { value.add(-amount) }
}

final class HistogramSeries: MetricSeries, RecorderHandler, TimerHandler {
    private struct State {
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Mutex<State>

    init(bounds: [Double]) {
        self.bounds = bounds
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    var reading: MetricReading {
        let state = state.withLock { $0 }
        return .distribution(bounds: bounds, counts: state.counts, sum: state.sum)
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }

    /// Returns the default bounds of a histogram.
    static func bounds(of name: String) -> [Double] {
        if name.hasSuffix("_seconds") {
            return [
                0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
                300, 900,
            ]
        }
        if name.hasSuffix("_bytes") { return (4...13).map { Double(1 << (2 * $0)) } }
        return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]
    }
}

/// A number that several threads change without a lock.
private final class AtomicDouble: Sendable {
    private let bits = Atomic<UInt64>(0)

    func load() -> Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
    func store(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

    func add(_ amount: Double) {
        var current = bits.load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: current) + amount
            let (isDone, original) = bits.weakCompareExchange(
                expected: current, desired: sum.bitPattern, ordering: .relaxed)
            if isDone { return }
            current = original
        }
    }
}
