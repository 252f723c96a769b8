// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/own-backend.md take for granted.
import ACPStorage
import ACPStorageTesting
import Foundation
import Testing

/// Stands for the reader's own storage.
typealias MyStorage = MemoryStorage

extension MemoryStorage {
    convenience init(database: String, timeToLive: Duration? = nil) async throws { fatalError("never run") }
}

struct OtherTable {
    func insert(_ row: String) async throws {}
    func count() async throws -> Int { 1 }
}

let otherTable = OtherTable()

func withTemporaryFolder(_ body: (URL) async throws -> Void) async throws {}
