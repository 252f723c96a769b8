// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A run in a ``RunTable``.
///
/// It is an object so that whatever leads to a run (its id, its listings, its turn to expire) leads there in one step. It is not
/// Sendable, on purpose: the compiler sees to it that none gets out of the lock around the table while the table has it.
final class RunEntry {
    let key: HashedKey<RunID>
    /// What the run is listed by.
    var summary: RunSummary
    /// The JSON of the snapshot.
    var snapshot: [UInt8]
    var coveredEvents: Int
    var events: [EncodedEvent]
    let input: Encoded<[Message]>?
    var owner: RunOwner?
    var contents: [ContentDigest: [UInt8]]
    /// The run's number in the order of use and in the chains of its table.
    var place = 0
    /// How many bytes all of this takes. Kept up to date by the table.
    var cost: Int
    /// The part of ``cost`` that is the snapshot's.
    var snapshotCost: Int

    init(
        _ summary: RunSummary, snapshot: [UInt8], key: HashedKey<RunID>? = nil, coveredEvents: Int = 0,
        events: [EncodedEvent] = [], input: Encoded<[Message]>? = nil, owner: RunOwner? = nil,
        contents: [StoredContent] = []
    ) {
        self.key = key ?? HashedKey(summary.id)
        self.summary = summary
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

extension [ContentDigest: [UInt8]] {
    init(_ contents: [StoredContent]) {
        self.init()
        add(contents)
    }

    mutating func add(_ contents: [StoredContent]) {
        for content in contents { self[content.digest] = content.bytes }
    }
}
