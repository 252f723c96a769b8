// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// The data of the storage as plain values, without files and locks.
struct Contents: Sendable {
    struct RunEntry {
        var summary: RunSummary
        var snapshot: [UInt8]
        var coveredEvents = 0
        var events: [EncodedEvent] = []
        var input: [UInt8]?
        var owner: RunOwner?
        /// The signals by their keys.
        var signals: [String: [UInt8]] = [:]
        var contents: [ContentDigest: Data] = [:]

        var stored: StoredRun {
            StoredRun(
                id: summary.id, snapshot: Encoded(json: snapshot), coveredEvents: coveredEvents,
                laterEvents: Array(events.dropFirst(coveredEvents)), owner: owner)
        }
    }

    struct SessionEntry {
        /// If `nil`, the session has only a history.
        var stored: StoredSession?
        var history: [Encoded<HistoryEntry>] = []
        /// The keys of the blocks in the history.
        var blocks: Set<String> = []
        var contents: [ContentDigest: Data] = [:]
    }

    private(set) var runs: [RunID: RunEntry] = [:]
    /// When runs were deleted for good.
    private(set) var deletions: [RunID: Timestamp] = [:]
    private(set) var sessions: [SessionID: SessionEntry] = [:]
    /// The queue of each session.
    private(set) var queues: [SessionID: [RunID]] = [:]

    /// Whether a run was deleted for good, so recently that it is not created again.
    func wasDeletedForGood(_ run: RunID, now: Timestamp) -> Bool {
        deletions[run].map { now < $0 + RunCommit.deletionPeriod } ?? false
    }

    /// Applies a change, both when it happens and when the journal is read.
    mutating func apply(_ change: Change) throws {
        switch change {
        case .runCommitted(
            let id, let events, let snapshot, let owner, let input, let contents, let history):
            if runs[id] == nil, let snapshot {
                runs[id] = RunEntry(
                    summary: snapshot.run, snapshot: snapshot.document.json, input: input?.json, owner: owner)
            }
            for event in events { runs[id]?.events.append(try EncodedEvent(json: event.json)) }
            runs[id]?.contents.merge(contents) { first, _ in first }
            if let snapshot {
                runs[id]?.summary = snapshot.run
                runs[id]?.snapshot = snapshot.document.json
                runs[id]?.coveredEvents = snapshot.coveredEvents
            }
            if let history { try apply(history) }
        case .runSaved(let run, let document):
            var entry = runs[run.id] ?? RunEntry(summary: run, snapshot: document.json)
            (entry.summary, entry.snapshot, entry.coveredEvents) = (run, document.json, entry.events.count)
            runs[run.id] = entry
        case .eventAppended(let id, let event):
            runs[id]?.events.append(try EncodedEvent(json: event.json))
        case .runClaimed(let id, let owner):
            runs[id]?.owner = owner
        case .runDeleted(let id):
            // Everything that belongs to a run is in its entry, so nothing is left behind.
            runs[id] = nil
        case .runDeletedForGood(let id, let time):
            runs[id] = nil
            deletions[id] = time

        case .sessionSaved(let id, let state, let contentType, let metadata, let version, let principal):
            let state = state.map { SessionState(bytes: Array($0), contentType: contentType ?? "") }
            sessions[id, default: SessionEntry()].stored = StoredSession(
                id: id, state: state, metadata: Encoded(json: metadata.json), version: version, principal: principal)
        case .blockAppended(let id, let key, let entries, let contents):
            if sessions[id, default: SessionEntry()].blocks.insert(key).inserted {
                sessions[id]?.history += entries.map { Encoded(json: $0.json) }
                sessions[id]?.contents.merge(contents) { first, _ in first }
            }
        case .sessionDeleted(let id):
            sessions[id] = nil

        case .signalSent(let id, let key, let signal):
            runs[id]?.signals[key] = signal.json
        case .signalsForgotten(let id):
            runs[id]?.signals = [:]
        case .runQueued(let run, let session):
            queues[session, default: []].append(run)
        case .runDequeued(let run, let session):
            queues[session]?.removeAll { $0 == run }
            if queues[session]?.isEmpty == true { queues[session] = nil }
        }
    }
}

extension Array {
    /// Returns one page. Negative numbers mean 0, and positions out of range are left out.
    func page(from offset: Int, limit: Int?) -> [Element] {
        Array(dropFirst(Swift.max(0, offset)).prefix(Swift.max(0, limit ?? .max)))
    }
}
