// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import CLibPQ

/// The rows of one statement, in PostgreSQL's binary format.
///
/// `@unchecked Sendable` because of libpq's pointer: the result is complete and immutable when it is passed here, it
/// can be read from any thread, and it is freed with the last reference.
final class ResultSet: @unchecked Sendable {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }
    deinit { PQclear(result) }

    var count: Int { Int(PQntuples(result)) }
    var rows: [Row] { (0..<count).map { Row(set: self, index: Int32($0)) } }
    var first: Row? { count > 0 ? Row(set: self, index: 0) : nil }

    struct Row {
        fileprivate let set: ResultSet
        fileprivate let index: Int32

        func isNull(_ column: Int32) -> Bool { PQgetisnull(set.result, index, column) != 0 }

        /// Returns the bytes of a column, or `nil` if it is NULL.
        func bytes(_ column: Int32) -> [UInt8]? {
            guard !isNull(column), let start = PQgetvalue(set.result, index, column) else { return nil }
            let count = Int(PQgetlength(set.result, index, column))
            return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
        }

        func int(_ column: Int32) -> Int? {
            guard let bytes = bytes(column), let first = bytes.first else { return nil }
            // An oid has four bytes too; values beyond 2^31 are not negative, but none is read as a number here.
            let start: Int = first & 0x80 == 0 ? 0 : -1
            return bytes.reduce(start) { $0 << 8 | Int($1) }
        }

        func bool(_ column: Int32) -> Bool { bytes(column)?.first == 1 }
        func text(_ column: Int32) -> String? { bytes(column).map { String(decoding: $0, as: UTF8.self) } }
        func anyText(_ column: Int32) -> String? { bytes(column).map { String(unescaping: $0) } }

        /// Returns a one-dimensional array. Empty if it is NULL.
        func array(_ column: Int32) throws(StorageError) -> [[UInt8]] {
            guard let bytes = bytes(column) else { return [] }
            return try BinaryArray.elements(of: bytes)
        }
    }
}
