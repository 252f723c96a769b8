// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Synchronization

/// The commits that a faulty storage executes as one group: those in progress at the same time.
struct CommitGroup {
    var inProgress = 0
    var hasRefusal = false
}

extension FaultyStorage {
    /// Executes a commit with a fault of groups.
    func commitInGroup(_ commit: RunCommit) async throws {
        group.withLock { $0.inProgress += 1 }
        defer {
            group.withLock { group in
                group.inProgress -= 1
                if group.inProgress == 0 { group.hasRefusal = false }
            }
        }
        // Others join meanwhile.
        try await Task.sleep(for: .milliseconds(10))
        if fault == .failsCommitsBesideARefusedOne, group.withLock({ $0.hasRefusal }) {
            throw StorageError(.refused, "another commit of the same group was refused")
        }
        do {
            try base.commit(commit)
        } catch {
            let isAlone = group.withLock { group in
                group.hasRefusal = true
                return group.inProgress == 1
            }
            if fault == .failsCommitsBesideARefusedOne || isAlone { throw error }
        }
    }
}
