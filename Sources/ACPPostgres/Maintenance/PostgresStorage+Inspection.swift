// SPDX-License-Identifier: Apache-2.0

package import ACPStorage

/// What a storage's database contains and permits, for operators.
package struct PostgresInspection: Sendable, Hashable {
    /// The version of the server, such as `17.2`.
    package let serverVersion: String
    /// The version of the tables. `nil` if there are none.
    package let tables: Int?
    /// The version of the tables that this storage requires.
    package let requiredTables: Int
    /// Whether the role may create tables in the schema.
    package let canCreateTables: Bool
    /// Whether the server is read-only, such as a standby.
    package let isReadOnly: Bool
}

extension PostgresStorage {
    /// Returns what the database contains and permits. The tables are neither created nor migrated.
    ///
    /// - Throws: `StorageError` if the server cannot be reached.
    package func inspect() async throws(StorageError) -> PostgresInspection {
        let result = try await database.readWithoutTables(
            "Reading the privileges",
            """
            SELECT current_setting('server_version')::text,
                coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)::int::bigint,
                (pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on')::int::bigint
            """)
        let row = result.first
        return PostgresInspection(
            serverVersion: row?.text(0) ?? "", tables: try await database.schemaVersion()?.version,
            requiredTables: Schema.version, canCreateTables: row?.int(1) == 1, isReadOnly: row?.int(2) == 1)
    }
}
