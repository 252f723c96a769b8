// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// Which contents of which runs storage has for certain, so that they are not sent again with every commit that refers to them.
///
/// Only a help: what is forgotten is sent once more, which changes nothing. What is noted holds for one owner's turn at a run. If
/// the run is deleted, or expires, and is made anew, it has another owner, and commits of the one before are refused.
final class SentContents: Sendable {
    private struct Entry {
        let owner: RunOwner
        var digests: Set<ContentDigest>
    }

    /// Runs that end leave by themselves. The rest is forgotten when it becomes too many.
    private static let limit = 4_096
    /// A run that says more than that sends some of it again.
    private static let digestLimit = 1_024

    private let entries = Mutex<[RunID: Entry]>([:])

    /// Whether the run of a commit has a content already.
    func has(_ digest: ContentDigest, _ commit: RunCommit) -> Bool {
        // What creates a run finds none.
        guard commit.expecting > 0 else { return false }
        return entries.withLock { entries in
            guard let entry = entries[commit.run], entry.owner == commit.owner else { return false }
            return entry.digests.contains(digest)
        }
    }

    /// Notes that a commit with contents has succeeded.
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

    /// How many runs are noted: for tests.
    var count: Int { entries.withLock { $0.count } }
}
