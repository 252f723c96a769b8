// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage

extension PostgresStorage {
    /// Returns contents that were stored with commits and history blocks: one round trip, from one moment.
    public func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] {
        guard !keys.isEmpty else { return [] }
        let owners = keys.map { key in
            switch key.owner {
            case .run(let run): (run: run.rawValue, session: "")
            case .session(let session): (run: "", session: session.rawValue)
            }
        }
        let rows = try await database.read(
            "Reading contents",
            """
            SELECT coalesce(
                (SELECT content FROM acp_run_contents
                    WHERE run = (SELECT key FROM acp_runs WHERE id = wanted.run) AND digest = wanted.digest),
                (SELECT content FROM acp_session_contents
                    WHERE session = (SELECT key FROM acp_sessions WHERE id = wanted.session) AND digest = wanted.digest)
            ) FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (run, session, digest, position)
            ORDER BY position
            """,
            [
                .textArray(owners.map(\.run)), .textArray(owners.map(\.session)),
                .textArray(keys.map(\.digest.rawValue)),
            ])
        guard rows.count == keys.count else {
            throw StorageError(.corruptData, "the server returned \(rows.count) rows for \(keys.count) contents")
        }
        return rows.rows.map { $0.bytes(0) }
    }
}

extension [StoredContent] {
    /// The last two parameters of `acp_write_run` and of `acp_append_history_with_contents`.
    var parameters: [Parameter] { [.textArray(map(\.digest.rawValue)), .byteArrays(map(\.bytes))] }
}
