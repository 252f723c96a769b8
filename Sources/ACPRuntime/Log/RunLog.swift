// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import DequeModule

/// Numbers the events of one run, gathers them into commits, and keeps the newest for those who follow the run.
/// A value without I/O: the run's execution carries out what it says.
///
/// There is never more than one commit on its way. Events that come meanwhile wait and go out together in the next one,
/// so a fast agent needs far fewer commits than events.
struct RunLog {
    /// One commit to carry out.
    struct Batch {
        let expecting: Int
        let events: [EncodedEvent]
        /// Whether the run has to be written down with these events.
        let wantsSnapshot: Bool
        /// The run's JSON as it stands after these events, if somebody has it already.
        let runJSON: [UInt8]?
    }

    /// What a reader gets who asks for the events from an index onward.
    enum Reading {
        /// Events that are committed.
        case events([EncodedEvent])
        /// They are committed, but no longer here: read them from storage.
        case stored
        /// They have not happened yet, or are not committed.
        case notYet
    }

    /// How many events are kept for followers, and how many bytes of them.
    static let recentEvents = 1_024
    static let recentBytes = 1_048_576
    /// Above this many waiting events or bytes, an agent has to wait for a commit before it may say more.
    static let pendingEvents = 4_096
    static let pendingBytes = 4_194_304
    /// Without a change of status, a snapshot is written when the log has doubled since the last one, but not before
    /// this many events: reading a run then never folds in more than half of its events, and all snapshots
    /// together stay in proportion to the log.
    static let snapshotEvents = 256

    /// How many events are stored.
    private(set) var committed: Int
    private var pending: [EncodedEvent] = []
    private var pendingSize = 0
    private var inFlight: [EncodedEvent]?
    private var snapshotWanted = false
    private var snapshotCovers: Int
    private var runJSON: (json: [UInt8], eventCount: Int)?

    private var recent: Deque<EncodedEvent> = []
    private var recentSize = 0

    /// - Parameter committed: How many events are stored already.
    init(committed: Int = 0) {
        self.committed = committed
        snapshotCovers = committed
    }

    /// How many events there are, stored or not.
    var eventCount: Int { committed + (inFlight?.count ?? 0) + pending.count }
    var isIdle: Bool { inFlight == nil && pending.isEmpty && !snapshotWanted }
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
        snapshotWanted = true
        runJSON = (change.runJSON, eventCount)
    }

    /// Asks for the run to be written down with the next commit, though there is no event for what changed.
    mutating func wantSnapshot() {
        snapshotWanted = true
        runJSON = nil
    }

    /// What has to be committed now, if anything: nothing while a commit is on its way.
    mutating func nextBatch() -> Batch? {
        guard inFlight == nil, !pending.isEmpty || snapshotWanted else { return nil }
        let total = eventCount
        let growth = total - snapshotCovers
        let wantsSnapshot = snapshotWanted || growth >= max(Self.snapshotEvents, snapshotCovers)
        let batch = Batch(
            expecting: committed,
            events: pending,
            wantsSnapshot: wantsSnapshot,
            runJSON: runJSON.flatMap { $0.eventCount == total ? $0.json : nil }
        )
        if wantsSnapshot { snapshotCovers = total }
        inFlight = pending
        pending = []
        pendingSize = 0
        snapshotWanted = false
        runJSON = nil
        return batch
    }

    /// Notes that the commit on its way has succeeded.
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

    /// Takes back the commit on its way, which storage has refused, without its last event: what else it brought waits again.
    mutating func retractLast() {
        guard var events = inFlight, events.popLast() != nil else { return }
        inFlight = nil
        pending = events + pending
        pendingSize = pending.reduce(0) { $0 + $1.json.count }
        snapshotCovers = min(snapshotCovers, committed)
    }

    /// - Parameter bytes: How many bytes the events may have together, unless it is a single one.
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
