// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A run in a ``RunTable``.
///
/// It is an object so that whatever leads to a run (its id, its listings, its turn to expire) leads there in one step. It is not
/// Sendable, on purpose: the compiler sees to it that none gets out of the lock around the table while the table has it.
final class RunEntry {
    let key: HashedKey<RunID>
    var snapshot: Run
    var coveredEvents: Int
    var events: [EncodedEvent]
    let input: [Message]?
    var owner: RunOwner?
    var contents: [ContentDigest: [UInt8]]
    /// The run's number in the order of use and in the chains of its table.
    var place = 0
    /// How many bytes all of this takes. Kept up to date by the table.
    var cost: Int
    /// The part of ``cost`` that is the snapshot's.
    var snapshotCost: Int

    init(
        _ snapshot: Run, key: HashedKey<RunID>? = nil, coveredEvents: Int = 0, events: [EncodedEvent] = [],
        input: [Message]? = nil, owner: RunOwner? = nil, contents: [StoredContent] = []
    ) {
        self.key = key ?? HashedKey(snapshot.id)
        self.snapshot = snapshot
        self.coveredEvents = coveredEvents
        self.events = events
        self.input = input
        self.owner = owner
        self.contents = .init(contents)
        snapshotCost = MemoryCost.of(snapshot)
        cost =
            MemoryCost.entry + snapshotCost + MemoryCost.of(events) + MemoryCost.of(input ?? [])
            + MemoryCost.of(contents)
    }

    var id: RunID { key.id }

    var record: RunRecord {
        RunRecord(
            snapshot: snapshot, coveredEvents: coveredEvents,
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
