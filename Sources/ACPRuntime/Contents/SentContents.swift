// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// Records which contents of runs are certainly stored, so that they are not sent again with every commit that refers
/// to them.
///
/// This is an optimisation only: a content that is not recorded is sent once more, which changes nothing. Records are
/// valid for one owner of a run. If the run is deleted or expires, and is created again, it has another owner, and
/// commits of the previous one are refused.
final class SentContents: Sendable {
    private struct Entry {
        let owner: RunOwner
        var digests: Set<ContentDigest>
    }

    /// Runs are removed when they end. All are removed when there are more than this.
    private static let limit = 4_096
    /// A run with more contents than this sends some of them again.
    private static let digestLimit = 1_024

    private let entries = Mutex<[RunID: Entry]>([:])

    /// Whether a content of a commit's run is recorded as stored.
    func has(_ digest: ContentDigest, _ commit: RunCommit) -> Bool {
        // A commit that creates a run has no predecessor.
        guard commit.expecting > 0 else { return false }
        return entries.withLock { entries in
            guard let entry = entries[commit.run], entry.owner == commit.owner else { return false }
            return entry.digests.contains(digest)
        }
    }

    /// Records that a commit with contents has succeeded.
    func note(_ digests: some Sequence<ContentDigest>, _ commit: RunCommit) {
        entries.withLock { entries in
            if commit.snapshot?.run.status.isTerminal == true {
                entries[commit.run] = nil
                return
            }
            var entry = Entry(owner: commit.owner, digests: [])
            if commit.expecting > 0, let known = entries[commit.run], known.owner == commit.owner { entry = known }
            entry.digests.formUnion(digests)
            if entry.digests.count > Self.digestLimit { entry.digests = Set(digests) }
            if entries.count >= Self.limit, entries[commit.run] == nil { entries = [:] }
            entries[commit.run] = entry
        }
    }

    func forget(_ run: RunID) { entries.withLock { $0[run] = nil } }

    func forgetAll() { entries.withLock { $0 = [:] } }

    /// The number of recorded runs, for tests.
    var count: Int { entries.withLock { $0.count } }
}
