// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Decides which commits are sent together, and when, without I/O.
///
/// A commit that finds fewer batches in flight than allowed is sent at once, alone. While as many as allowed are in
/// flight, commits wait, and each batch that ends is followed by one of those that wait.
struct CommitQueueStateMachine {
    typealias CommitID = Int

    struct Limits: Equatable {
        /// The number of batches in flight.
        var batchesInFlight: Int
        /// The number of commits in a batch.
        var commits: Int
        /// The size of the values in a batch, in bytes. A larger commit is a batch by itself.
        var bytes: Int
    }

    private struct Commit {
        let id: CommitID
        let byteCount: Int
        /// The time at which it stops waiting.
        let deadline: ContinuousClock.Instant
    }

    private let limits: Limits
    /// In the order of their arrival, which is also that of their deadlines.
    private var waiting: Deque<Commit> = []
    /// The batches in flight, by their first commits.
    private var batches: [CommitID: [Commit]] = [:]
    private(set) var isClosed = false

    init(_ limits: Limits) { self.limits = limits }

    var waitingCount: Int { waiting.count }

    /// The time at which the first of the waiting commits stops waiting. If `nil`, none waits.
    var nextDeadline: ContinuousClock.Instant? { waiting.first?.deadline }

    /// A commit arrives.
    ///
    /// - Returns: Whether it is sent at once, as a batch of its own. Otherwise it waits.
    mutating func add(_ id: CommitID, byteCount: Int, deadline: ContinuousClock.Instant) -> Bool {
        let commit = Commit(id: id, byteCount: byteCount, deadline: deadline)
        // After the end, nothing waits: the connection pool refuses what is sent.
        guard isClosed || (batches.count < limits.batchesInFlight && waiting.isEmpty) else {
            waiting.append(commit)
            return false
        }
        batches[id] = [commit]
        return true
    }

    /// A batch has ended.
    ///
    /// - Parameters:
    ///   - first: Its first commit.
    ///   - time: If the batch was not sent, for lack of a connection, the current time. Those of its commits whose
    ///     deadlines have not passed wait again, before all others. The first commit does not: its deadline is the
    ///     batch's. Defaults to `nil`.
    /// - Returns: The batches to send now, and the commits that wait again.
    mutating func ended(
        _ first: CommitID, unsentAt time: ContinuousClock.Instant? = nil
    ) -> (batches: [[CommitID]], waitAgain: [CommitID]) {
        guard let batch = batches.removeValue(forKey: first) else { return ([], []) }
        var waitAgain: [Commit] = []
        if let time, !isClosed {
            waitAgain = batch.filter { $0.id != first && $0.deadline > time }
            waiting.prepend(contentsOf: waitAgain)
        }
        var next: [[CommitID]] = []
        while batches.count < limits.batchesInFlight, let batch = takeBatch() { next.append(batch) }
        return (next, waitAgain.map(\.id))
    }

    /// Returns the commits whose deadlines have passed. They do not wait any more.
    mutating func expire(at time: ContinuousClock.Instant) -> [CommitID] {
        let late = waiting.prefix { $0.deadline <= time }.map(\.id)
        waiting.removeFirst(late.count)
        return late
    }

    /// Returns the waiting commits, which fail. Batches in flight are not affected.
    mutating func close() -> [CommitID] {
        isClosed = true
        defer { waiting = [] }
        return waiting.map(\.id)
    }

    private mutating func takeBatch() -> [CommitID]? {
        guard let first = waiting.popFirst() else { return nil }
        var batch = [first]
        var byteCount = first.byteCount
        while batch.count < limits.commits, let next = waiting.first, byteCount + next.byteCount <= limits.bytes {
            byteCount += next.byteCount
            batch.append(next)
            waiting.removeFirst()
        }
        batches[first.id] = batch
        return batch.map(\.id)
    }
}
