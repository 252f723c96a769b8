// SPDX-License-Identifier: Apache-2.0

import ACPCore
public import ACPStorage
import Foundation
import GRDB

extension SQLiteStorage {
    /// Returns contents that were stored with commits and history blocks, from one state of the database.
    public func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] {
        try await database.read("Reading contents") { db in
            try keys.map { key in
                let rows =
                    switch key.owner {
                    case .run(let run):
                        try db.rows(
                            """
                            SELECT content FROM acp_run_contents
                            WHERE run = (SELECT key FROM acp_runs WHERE id = ?) AND digest = ?
                            """, [run.rawValue, key.digest.rawValue])
                    case .session(let session):
                        try db.rows(
                            """
                            SELECT content FROM acp_session_contents
                            WHERE session = (SELECT key FROM acp_sessions WHERE id = ?) AND digest = ?
                            """, [session.rawValue, key.digest.rawValue])
                    }
                return try rows.next().map { try $0.bytes(0) }
            }
        }
    }
}

extension Database {
    /// Stores those contents that a run does not have yet.
    func store(_ contents: [StoredContent], ofRun key: Int64) throws {
        for content in contents {
            try run(
                "INSERT OR IGNORE INTO acp_run_contents (run, digest, content) VALUES (?, ?, IFNULL(?, x''))",
                [key, content.digest.rawValue, Data(content.bytes)])
        }
    }

    /// Stores those contents that a session does not have yet.
    func store(_ contents: [StoredContent], ofSession key: Int64) throws {
        for content in contents {
            try run(
                "INSERT OR IGNORE INTO acp_session_contents (session, digest, content) VALUES (?, ?, IFNULL(?, x''))",
                [key, content.digest.rawValue, Data(content.bytes)])
        }
    }
}
