// SPDX-License-Identifier: Apache-2.0

import ACPSQLite
import ACPStorage
import Foundation

/// A temporary folder that is removed when it is deinitialized.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory
            .appendingPathComponent("acp-sqlite-\(UInt32.random(in: 0 ... .max))", isDirectory: true)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try permit(0o755)
    }

    deinit {
        try? permit(0o755)
        try? FileManager.default.removeItem(at: url)
    }

    func path(_ name: String = "test.sqlite") -> String { url.appendingPathComponent(name).path }

    /// The names of all files.
    var files: Set<String> { Set((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []) }

    func permit(_ mode: Int, _ name: String? = nil) throws {
        let path = name.map { self.path($0) } ?? url.path
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    func write(_ bytes: [UInt8], to name: String = "test.sqlite") throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
    }

    func bytes(of name: String = "test.sqlite") throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }
}

/// Runs a step with a storage, which is closed afterwards in any case.
func withStorage<Result>(
    _ configuration: SQLiteStorage.Configuration, _ body: (SQLiteStorage) async throws -> Result
) async throws -> Result {
    let storage = try SQLiteStorage(configuration)
    let result: Result
    do {
        result = try await body(storage)
    } catch {
        try? await storage.close()
        throw error
    }
    try await storage.close()
    return result
}

func withStorage<Result>(
    _ path: String, _ body: (SQLiteStorage) async throws -> Result
) async throws -> Result {
    try await withStorage(SQLiteStorage.Configuration(path: path), body)
}

/// Returns the error of a step that must fail.
func storageError(_ body: () async throws -> Void) async -> StorageError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? StorageError
    }
}
