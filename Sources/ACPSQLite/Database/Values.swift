// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import GRDB

// How values go into the database. Text of the callers' own making may hold any character, NUL included, at which GRDB would
// cut it off; so it is handed over as bytes, and SQL makes text of them. `Data` without bytes arrives as NULL.

/// The SQL for a parameter that is text and not NULL.
let textParameter = "IFNULL(CAST(? AS TEXT), '')"

extension String {
    /// As a value for ``textParameter``.
    var stored: Data { Data(utf8) }
}

extension Row {
    /// The bytes of a column, blob or text. Empty if it is NULL.
    func bytes(_ index: Int) throws -> [UInt8] {
        try withUnsafeData(atIndex: index) { $0.map { [UInt8]($0) } ?? [] }
    }

    /// The text of a column, whole even if it has a NUL in it. Nil if it is NULL.
    func text(_ index: Int) throws -> String? {
        try withUnsafeData(atIndex: index) { data in data.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// The owner in two columns that follow each other.
    func owner(_ index: Int) throws -> RunOwner? {
        guard let process = try text(index), let token = try text(index + 1) else { return nil }
        return RunOwner(process: ProcessID(rawValue: process), token: token)
    }
}

extension Database {
    /// Runs a statement that is prepared once for the connection.
    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// The rows of a query, read one by one: a row is good until the next one is read.
    func rows(_ sql: String, _ arguments: StatementArguments = []) throws -> RowCursor {
        try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
    }
}

/// The id that a column holds.
func runID(_ text: String) throws(StorageError) -> RunID {
    guard let id = RunID(rawValue: text) else {
        throw StorageError(.corruptData, "\"\(text.prefix(140))\" in acp_runs is no run id")
    }
    return id
}
