// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import DequeModule

/// Numbers the events of one run, groups them into commits, and keeps the newest for followers of the run. A value
/// without I/O: the run's execution performs the commits.
///
/// There is at most one commit in flight. Events that are added meanwhile are pending, and are committed together by
/// the next one, so a fast agent needs far fewer commits than events.
struct RunLog {
    /// One commit to perform.
    struct Batch {
        let expecting: Int
        let events: [EncodedEvent]
        /// Whether the commit includes a snapshot of the run.
        let needsSnapshot: Bool
        /// The run's JSON after these events, if it was encoded already.
        let runJSON: [UInt8]?
    }

    /// What a reader finds from an index onward.
    enum Reading {
        /// Events that are committed.
        case events([EncodedEvent])
        /// The events are committed, but must be read from storage.
        case stored
        /// There are no further events, or they are not committed yet.
        case notYet
    }

    /// The largest number of events that are kept for followers, and of their bytes.
    static let recentEvents = 1_024
    static let recentBytes = 1_048_576
    /// Above this number of pending events or bytes, an agent waits for a commit before it sends more output.
    static let pendingEvents = 4_096
    static let pendingBytes = 4_194_304
    /// Without a change of status, a snapshot is stored when the log has doubled since the last one, but not before
    /// this number of events: reading a run then never applies more than half of its events, and the size of all
    /// snapshots together stays proportional to the log.
    static let snapshotEvents = 256

    /// The number of stored events.
    private(set) var committed: Int
    private var pending: [EncodedEvent] = []
    private var pendingSize = 0
    private var inFlight: [EncodedEvent]?
    private var isSnapshotRequested = false
    private var snapshotCovers: Int
    private var runJSON: (json: [UInt8], eventCount: Int)?

    private var recent: Deque<EncodedEvent> = []
    private var recentSize = 0

    /// - Parameter committed: The number of events that are stored already.
    init(committed: Int = 0) {
        self.committed = committed
        snapshotCovers = committed
    }

    /// The number of events, stored or not.
    var eventCount: Int { committed + (inFlight?.count ?? 0) + pending.count }
    var isIdle: Bool { inFlight == nil && pending.isEmpty && !isSnapshotRequested }
    var isFull: Bool { pending.count >= Self.pendingEvents || pendingSize >= Self.pendingBytes }

    mutating func append(_ event: EncodedEvent) {
        pending.append(event)
        pendingSize += event.json.count
    }

    mutating func append(_ events: [EncodedEvent]) {
        pending.append(contentsOf: events)
        for event in events { pendingSize += event.json.count }
    }

    mutating func append(_ change: StatusChange) {
        append(change.event)
        isSnapshotRequested = true
        runJSON = (change.runJSON, eventCount)
    }

    /// Requests a snapshot with the next commit, for a change that has no event.
    mutating func requestSnapshot() {
        isSnapshotRequested = true
        runJSON = nil
    }

    /// Returns the next commit, or `nil` if there is none to perform: there is nothing to store, or a commit is in
    /// flight.
    mutating func nextBatch() -> Batch? {
        guard inFlight == nil, !pending.isEmpty || isSnapshotRequested else { return nil }
        let total = eventCount
        let growth = total - snapshotCovers
        let needsSnapshot = isSnapshotRequested || growth >= max(Self.snapshotEvents, snapshotCovers)
        let batch = Batch(
            expecting: committed,
            events: pending,
            needsSnapshot: needsSnapshot,
            runJSON: runJSON.flatMap { $0.eventCount == total ? $0.json : nil }
        )
        if needsSnapshot { snapshotCovers = total }
        inFlight = pending
        pending = []
        pendingSize = 0
        isSnapshotRequested = false
        runJSON = nil
        return batch
    }

    /// Records that the commit in flight has succeeded.
    mutating func batchCommitted() {
        guard let events = inFlight else { return }
        inFlight = nil
        committed += events.count
        recent.append(contentsOf: events)
        for event in events { recentSize += event.json.count }
        while recent.count > Self.recentEvents || recentSize > Self.recentBytes, let first = recent.popFirst() {
            recentSize -= first.json.count
        }
    }

    /// Takes back the commit in flight, which storage has refused, without its last event: its other events are pending
    /// again.
    mutating func retractLast() {
        guard var events = inFlight, events.popLast() != nil else { return }
        inFlight = nil
        pending = events + pending
        pendingSize = pending.reduce(0) { $0 + $1.json.count }
        snapshotCovers = min(snapshotCovers, committed)
    }

    /// - Parameter bytes: The largest number of bytes that the events may have together, unless it is a single event.
    func read(from index: Int, bytes: Int = .max) -> Reading {
        guard index < committed else { return .notYet }
        let start = committed - recent.count
        guard index >= start else { return .stored }
        let first = index - start
        if bytes >= recentSize { return .events(Array(recent[first...])) }
        var end = first
        var rest = bytes
        while end < recent.count, end == first || recent[end].json.count <= rest {
            rest -= recent[end].json.count
            end += 1
        }
        return .events(Array(recent[first..<end]))
    }
}
