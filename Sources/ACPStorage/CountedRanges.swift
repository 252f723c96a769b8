// SPDX-License-Identifier: Apache-2.0

package import ACPCore

/// The ranges of time by which databases count the ended runs of an agent, so that the number of those since any time
/// is a sum of few stored numbers.
///
/// There are large ranges of 2^36 microseconds (19 hours), each of which consists of 1,024 small ones of 2^26
/// microseconds (67 seconds). The runs since a time are those of all later large ranges, those of the later small ones
/// in the same large range, and those in the rest of the small one, which are counted one by one.
package struct CountedRanges: Sendable, Hashable {
    /// The time, in microseconds, within a range in which the numbers below do not overflow.
    package let since: Int64

    /// Creates the ranges for a time in microseconds.
    package init(since: Int64) { self.since = min(max(since, -(1 << 60)), 1 << 60) }

    /// The large range that contains the time.
    package var large: Int64 { since >> 36 }
    /// The small range that contains the time.
    package var small: Int64 { since >> 26 }
    /// The first small range of the next large one.
    package var smallEnd: Int64 { (large + 1) << 10 }
    /// The first time of the next small range.
    package var timeEnd: Int64 { (small + 1) << 26 }
}

extension DetailedRunStatus {
    /// Whether a run in this status has ended.
    package var hasEnded: Bool {
        switch self {
        case .created, .inProgress, .awaiting, .awaitingAuthentication, .cancelling: false
        case .cancelled, .completed, .failed, .rejected: true
        }
    }
}
