// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
import ACPCore

extension PostgresStorage {
    /// Executes a commit in one round trip: one transaction, followed by the notification of watchers. Durable when
    /// this returns.
    ///
    /// Commits to different runs that wait at the same moment share a transaction. Each has its own outcome.
    public func commit(_ commit: RunCommit) async throws {
        try await database.prepareSchema()
        let row: ResultSet.Row?
        do throws(StorageError) {
            row = try await commits.execute(PreparedCommit(commit)).first
        } catch {
            let outcome: CommitOutcome? =
                switch (error.cause as? PostgresError)?.sqlState {
                case Schema.answeredState: .answered
                case Schema.deletedState: .deleted
                default: nil
                }
            throw outcome.flatMap { commit.error(for: $0) } ?? error
        }
        try await check(row?.text(0), found: row?.int(1) ?? 0, commit)
        postgresCoordination.runDidChange(commit.run)
    }

    private func check(_ outcome: String?, found: Int, _ commit: RunCommit) async throws(StorageError) {
        guard var outcome = outcome.flatMap({ CommitOutcome(code: $0, found: found) }) else {
            throw StorageError(.corruptData, "acp_write_run in \(database.location) is not this storage's")
        }
        if case .conflict = outcome, let missing = try await missingPart(of: commit.run) {
            outcome = .incomplete(missing: missing)
        }
        if let error = commit.error(for: outcome) { throw error }
    }
}
