// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// One line of the journal: something that happened, after it was decided that it may happen.
///
/// Applying the lines of a journal in order gives back what the storage holds, so a change has all that is needed for that,
/// and no conditions.
enum Change: Codable, Sendable {
    /// `history` is the block that came with the commit, as a ``blockAppended(_:key:entries:contents:)``: on the same line, so
    /// that a line that is torn never has one without the other.
    indirect case runCommitted(
        RunID, events: [StoredEvent], snapshot: Run?, coveredEvents: Int?, owner: RunOwner, input: [Message]?,
        contents: [ContentDigest: Data]?, history: Change?)
    case runSaved(Run)
    case eventAppended(RunID, event: StoredEvent)
    case runClaimed(RunID, owner: RunOwner)
    case runDeleted(RunID)

    case sessionSaved(SessionID, state: Data?, contentType: String?, metadata: JSONObject, version: Int)
    case blockAppended(SessionID, key: String, entries: [HistoryEntry], contents: [ContentDigest: Data]?)
    case sessionDeleted(SessionID)

    case signalSent(RunID, signal: RunSignal)
    case signalsForgotten(RunID)
    case runQueued(RunID, session: SessionID)
    case runDequeued(RunID, session: SessionID)
}

extension Change {
    init(_ commit: RunCommit) {
        self = .runCommitted(
            commit.run, events: commit.events.map(StoredEvent.init), snapshot: commit.snapshot?.run,
            coveredEvents: commit.snapshot?.eventCount, owner: commit.owner, input: commit.input,
            contents: commit.contents.line, history: commit.history.map { Change($0.block, of: $0.session) })
    }

    init(_ block: HistoryBlock, of session: SessionID) {
        self = .blockAppended(session, key: block.key, entries: block.entries, contents: block.contents.line)
    }

    init(_ session: SessionRecord, version: Int) {
        self = .sessionSaved(
            session.id, state: session.state.map { Data($0.bytes) }, contentType: session.state?.contentType,
            metadata: session.metadata, version: version)
    }
}

extension [StoredContent] {
    /// As a line has them: left out where there are none, as in lines of before there were contents.
    fileprivate var line: [ContentDigest: Data]? {
        if isEmpty { return nil }
        return Dictionary(map { ($0.digest, Data($0.bytes)) }, uniquingKeysWith: { first, _ in first })
    }
}

/// An event as a text within the line's JSON. Decoding and encoding it anew would change blanks and the order of keys, and
/// events have to come back byte for byte.
struct StoredEvent: Codable, Sendable {
    let event: EncodedEvent

    init(_ event: EncodedEvent) { self.event = event }

    init(from decoder: any Decoder) throws {
        event = try EncodedEvent(json: Array(decoder.singleValueContainer().decode(String.self).utf8))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(decoding: event.json, as: UTF8.self))
    }
}
