// SPDX-License-Identifier: Apache-2.0

package import Logging
import Synchronization

/// Writes log lines of one kind at most once per interval, so that an outage does not fill the log.
///
/// The first line of a kind is written at once. After that, one line per interval is written, with the number of lines
/// that were left out in between as `suppressed` in its metadata. When a kind has not occurred for two intervals,
/// ``reportEnded(to:)`` writes one last line with the total.
///
/// ```swift
/// limiter.log(.warning, "the storage failed", metadata: ["reason": "\(error)"], to: logger)
/// ```
package final class LogLimiter: Sendable {
    private let repetitions: Mutex<LogRepetitions>
    private let now: @Sendable () -> ContinuousClock.Instant

    /// Creates a limiter.
    ///
    /// - Parameters:
    ///   - interval: The shortest time between two lines of one kind. Defaults to 10 seconds.
    ///   - now: The clock.
    package init(
        interval: Duration = .seconds(10), now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        repetitions = Mutex(LogRepetitions(interval: interval))
        self.now = now
    }

    /// Writes a line unless one of its kind was written within the interval.
    ///
    /// - Parameters:
    ///   - level: The level of the line.
    ///   - message: The message. Anything that differs from line to line belongs in the metadata.
    ///   - metadata: The metadata of this line. Evaluated only if the line is written.
    ///   - kind: Lines with the same kind are repetitions of each other. Defaults to the message.
    ///   - logger: The logger. Evaluated only if the line is written.
    package func log(
        _ level: Logger.Level, _ message: Logger.Message, metadata: @autoclosure () -> Logger.Metadata = [:],
        kind: String? = nil, to logger: @autoclosure () -> Logger
    ) {
        let now = now()
        let verdict = repetitions.withLock { $0.occurred(kind ?? message.description, at: now) }
        guard case .write(let suppressed) = verdict else { return }
        var metadata = metadata()
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger().log(level: level, message, metadata: metadata)
    }

    /// Writes one line for each kind that has stopped occurring. Call this from time to time.
    package func reportEnded(to logger: Logger) {
        let now = now()
        for ended in repetitions.withLock({ $0.takeEnded(at: now) }) where ended.count > 1 {
            logger.notice(
                "no longer occurring: \(ended.kind)",
                metadata: ["count": "\(ended.count)", "seconds": "\(ended.duration.components.seconds)"])
        }
    }
}

/// Counts how often log lines of each kind occur, and decides which are written. A value without I/O or clock.
struct LogRepetitions {
    enum Verdict: Equatable {
        /// The line is written. `suppressed` is the number of lines of its kind that were left out since the last one.
        case write(suppressed: Int)
        case suppress
    }

    /// A kind that has stopped occurring.
    struct Ended: Equatable {
        let kind: String
        /// How often it occurred, including lines that were left out.
        let count: Int
        /// The time from the first to the last occurrence.
        let duration: Duration
    }

    private struct Entry {
        let first: ContinuousClock.Instant
        var last: ContinuousClock.Instant
        var written: ContinuousClock.Instant
        var count = 1
        var suppressed = 0
    }

    /// Further kinds at the same time are not limited, which bounds the memory.
    static let maximumKinds = 1_000

    let interval: Duration
    private var entries: [String: Entry] = [:]

    init(interval: Duration) { self.interval = interval }

    /// The time after which a kind counts as ended.
    private var quietPeriod: Duration { interval * 2 }

    mutating func occurred(_ kind: String, at now: ContinuousClock.Instant) -> Verdict {
        guard var entry = entries[kind] else {
            if entries.count >= Self.maximumKinds { entries = entries.filter { now - $0.value.last < quietPeriod } }
            if entries.count < Self.maximumKinds { entries[kind] = Entry(first: now, last: now, written: now) }
            return .write(suppressed: 0)
        }
        entry.last = now
        entry.count += 1
        defer { entries[kind] = entry }
        guard now - entry.written >= interval else {
            entry.suppressed += 1
            return .suppress
        }
        defer {
            entry.written = now
            entry.suppressed = 0
        }
        return .write(suppressed: entry.suppressed)
    }

    /// Removes the kinds that have ended, and returns them by name.
    mutating func takeEnded(at now: ContinuousClock.Instant) -> [Ended] {
        guard !entries.isEmpty else { return [] }
        let ended = entries.filter { now - $0.value.last >= quietPeriod }
        for kind in ended.keys { entries[kind] = nil }
        return ended.map { Ended(kind: $0, count: $1.count, duration: $1.last - $1.first) }.sorted { $0.kind < $1.kind }
    }
}
