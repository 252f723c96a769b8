// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// One line of the journal: a change of the data, after the decision that it is allowed.
///
/// Applying the lines of a journal in order restores the data, so a change contains everything that is required for
/// that, and no conditions.
enum Change: Codable, Sendable {
    /// `history` is the history block of the commit, as a ``blockAppended(_:key:entries:contents:)``. It is on the same
    /// line as the commit, so that an incomplete line removes both.
    indirect case runCommitted(
        RunID, events: [Document], snapshot: Snapshot?, owner: RunOwner, input: Document?,
        contents: [ContentDigest: Data], history: Change?)
    case runSaved(RunSummary, Document)
    case eventAppended(RunID, event: Document)
    case runClaimed(RunID, owner: RunOwner)
    case runDeleted(RunID)
    /// Commits cannot create the run again until some time after this one.
    case runDeletedForGood(RunID, at: Timestamp)

    case sessionSaved(
        SessionID, state: Data?, contentType: String?, metadata: Document, version: Int, principal: PrincipalID?)
    case blockAppended(SessionID, key: String, entries: [Document], contents: [ContentDigest: Data])
    case sessionDeleted(SessionID)

    case signalSent(RunID, key: String, signal: Document)
    case signalsForgotten(RunID)
    case runQueued(RunID, session: SessionID)
    case runDequeued(RunID, session: SessionID)

    /// A snapshot, with the properties for listings beside the document, which is not decoded to list runs.
    struct Snapshot: Codable, Sendable {
        let run: RunSummary
        let document: Document
        let coveredEvents: Int
    }
}

extension Change {
    init(_ commit: RunCommit) {
        self = .runCommitted(
            commit.run, events: commit.events.map { Document($0.json) },
            snapshot: commit.snapshot.map {
                Snapshot(run: RunSummary($0.run), document: Document($0.json), coveredEvents: $0.eventCount)
            }, owner: commit.owner, input: commit.input.map { Document($0.json) }, contents: commit.contents.line,
            history: commit.history.map { Change($0.block, of: $0.session) })
    }

    init(_ block: HistoryBlock, of session: SessionID) {
        self = .blockAppended(
            session, key: block.key, entries: block.entries.map { Document($0.json) }, contents: block.contents.line)
    }

    init(_ session: StoredSession, version: Int) {
        self = .sessionSaved(
            session.id, state: session.state.map { Data($0.bytes) }, contentType: session.state?.contentType,
            metadata: Document(session.metadata.json), version: version, principal: session.principal)
    }
}

extension [StoredContent] {
    fileprivate var line: [ContentDigest: Data] {
        Dictionary(map { ($0.digest, Data($0.bytes)) }, uniquingKeysWith: { first, _ in first })
    }
}

/// A document as a string in the line's JSON. Decoding and encoding the document again would change whitespace and the
/// order of members, but documents must be returned byte for byte.
struct Document: Codable, Sendable {
    let json: [UInt8]

    init(_ json: [UInt8]) { self.json = json }

    init(from decoder: any Decoder) throws {
        json = Array(try decoder.singleValueContainer().decode(String.self).utf8)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(decoding: json, as: UTF8.self))
    }
}
