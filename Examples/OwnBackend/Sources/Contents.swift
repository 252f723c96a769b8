// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// All that the storage holds, as plain values: no file, no lock, nothing that waits.
struct Contents: Sendable {
    struct StoredRun {
        var snapshot: Run
        var coveredEvents = 0
        var events: [EncodedEvent] = []
        var input: [Message]?
        var owner: RunOwner?
        var signals: [RunSignal] = []
        var contents: [ContentDigest: Data] = [:]

        var record: RunRecord {
            RunRecord(
                snapshot: snapshot, coveredEvents: coveredEvents, laterEvents: Array(events.dropFirst(coveredEvents)),
                owner: owner)
        }
    }

    struct StoredSession {
        /// Nil as long as there is only a history.
        var record: SessionRecord?
        var history: [HistoryEntry] = []
        /// The keys of the blocks in the history.
        var blocks: Set<String> = []
        var contents: [ContentDigest: Data] = [:]
    }

    private(set) var runs: [RunID: StoredRun] = [:]
    private(set) var sessions: [SessionID: StoredSession] = [:]
    /// The runs of each session that wait for their turn.
    private(set) var queues: [SessionID: [RunID]] = [:]

    /// Does what a change says: the same when it happens, and when the journal is read again.
    mutating func apply(_ change: Change) {
        switch change {
        case .runCommitted(
            let id, let events, let snapshot, let coveredEvents, let owner, let input, let contents, let history):
            if runs[id] == nil, let snapshot {
                runs[id] = StoredRun(snapshot: snapshot, input: input, owner: owner)
            }
            runs[id]?.events += events.map(\.event)
            runs[id]?.contents.merge(contents ?? [:]) { first, _ in first }
            if let snapshot, let coveredEvents {
                runs[id]?.snapshot = snapshot
                runs[id]?.coveredEvents = coveredEvents
            }
            if let history { apply(history) }
        case .runSaved(let run):
            runs[run.id, default: StoredRun(snapshot: run)].snapshot = run
            let count = runs[run.id]?.events.count ?? 0
            runs[run.id]?.coveredEvents = count
        case .eventAppended(let id, let event):
            runs[id]?.events.append(event.event)
        case .runClaimed(let id, let owner):
            runs[id]?.owner = owner
        case .runDeleted(let id):
            // Everything about a run is in one place, so nothing can be forgotten.
            runs[id] = nil

        case .sessionSaved(let id, let state, let contentType, let metadata, let version):
            let state = state.map { SessionState(bytes: Array($0), contentType: contentType ?? "") }
            sessions[id, default: StoredSession()].record = SessionRecord(
                id: id, state: state, metadata: metadata, version: version)
        case .blockAppended(let id, let key, let entries, let contents):
            if sessions[id, default: StoredSession()].blocks.insert(key).inserted {
                sessions[id]?.history += entries
                sessions[id]?.contents.merge(contents ?? [:]) { first, _ in first }
            }
        case .sessionDeleted(let id):
            sessions[id] = nil

        case .signalSent(let id, let signal):
            runs[id]?.signals.append(signal)
        case .signalsForgotten(let id):
            runs[id]?.signals = []
        case .runQueued(let run, let session):
            queues[session, default: []].append(run)
        case .runDequeued(let run, let session):
            queues[session]?.removeAll { $0 == run }
            if queues[session]?.isEmpty == true { queues[session] = nil }
        }
    }
}

extension Array {
    /// One page: negative numbers count as 0, and what lies outside is left out.
    func page(from offset: Int, limit: Int?) -> [Element] {
        Array(dropFirst(Swift.max(0, offset)).prefix(Swift.max(0, limit ?? .max)))
    }
}
