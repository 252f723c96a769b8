// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A run in a ``RunTable``.
///
/// It is an object, so that all tables and lists refer to a run directly. It is not Sendable, so that the compiler
/// ensures that no entry leaves the lock around the table while the table holds it.
final class RunEntry {
    let key: HashedKey<RunID>
    /// The properties by which the run is listed.
    var summary: RunSummary
    /// The status by which a ``RunStatusQuery`` selects the run.
    var change: StatusChange
    /// The JSON of the snapshot.
    var snapshot: [UInt8]
    var coveredEvents: Int
    var events: [EncodedEvent]
    let input: Encoded<[Message]>?
    var owner: RunOwner?
    var contents: [ContentDigest: [UInt8]]
    /// The run's slot in the lists of its table.
    var slot = 0
    /// The estimated number of bytes of the whole entry. The table keeps it up to date.
    var cost: Int
    /// The part of ``cost`` for the snapshot.
    var snapshotCost: Int

    init(
        _ run: Run, snapshot: [UInt8], key: HashedKey<RunID>? = nil, coveredEvents: Int = 0,
        events: [EncodedEvent] = [], input: Encoded<[Message]>? = nil, owner: RunOwner? = nil,
        contents: [StoredContent] = []
    ) {
        self.key = key ?? HashedKey(run.id)
        summary = RunSummary(run)
        change = StatusChange(run)
        self.snapshot = snapshot
        self.coveredEvents = coveredEvents
        self.events = events
        self.input = input
        self.owner = owner
        self.contents = .init(contents)
        snapshotCost = MemoryCost.of(snapshot)
        cost =
            MemoryCost.entry + snapshotCost + MemoryCost.of(events) + (input.map { MemoryCost.of($0.json) } ?? 0)
            + MemoryCost.of(contents)
    }

    var id: RunID { key.id }

    var stored: StoredRun {
        StoredRun(
            id: id, snapshot: Encoded(json: snapshot), coveredEvents: coveredEvents,
            laterEvents: events.slice(from: coveredEvents, limit: nil), owner: owner)
    }
}

/// The status of a run, and since when the run is in it.
struct StatusChange: Equatable {
    let status: DetailedRunStatus
    let time: Timestamp

    init(_ run: Run) {
        status = run.detailedStatus
        time = run.statusTimestamp
    }
}

extension [ContentDigest: [UInt8]] {
    init(_ contents: [StoredContent]) {
        self.init()
        add(contents)
    }

    mutating func add(_ contents: [StoredContent]) {
        for content in contents { self[content.digest] = content.bytes }
    }
}
