// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation
import GRDB

// Conversion of values. Text from callers may contain any character, including NUL, at which GRDB would truncate it; so
// it is passed as bytes, which SQL casts to text. `Data` without bytes arrives as NULL.

/// The SQL for a parameter that is text and not NULL.
let textParameter = "IFNULL(CAST(? AS TEXT), '')"

extension String {
    /// The value for ``textParameter``.
    var stored: Data { Data(utf8) }
}

extension Row {
    /// Returns the bytes of a column, blob or text. Empty if it is NULL.
    func bytes(_ index: Int) throws -> [UInt8] {
        try withUnsafeData(atIndex: index) { $0.map { [UInt8]($0) } ?? [] }
    }

    /// Returns the text of a column, complete even if it contains a NUL character. `nil` if it is NULL.
    func text(_ index: Int) throws -> String? {
        try withUnsafeData(atIndex: index) { data in data.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// Returns the owner in two consecutive columns.
    func owner(_ index: Int) throws -> RunOwner? {
        guard let process = try text(index), let token = try text(index + 1) else { return nil }
        return RunOwner(process: ProcessID(rawValue: process), token: token)
    }
}

extension Database {
    /// Executes a statement that is prepared once for the connection.
    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// Returns a cursor over the rows of a query: a row is valid until the next one is read.
    func rows(_ sql: String, _ arguments: StatementArguments = []) throws -> RowCursor {
        try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
    }
}

/// Returns the run id in a column.
func runID(_ text: String) throws(StorageError) -> RunID {
    guard let id = RunID(rawValue: text) else {
        throw StorageError(.corruptData, "\"\(text.prefix(140))\" in acp_runs is not a run id")
    }
    return id
}
