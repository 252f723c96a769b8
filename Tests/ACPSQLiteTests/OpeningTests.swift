// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPSQLite
import ACPStorage
import Foundation
import GRDB
import Testing

@Suite("Opening of SQLite files")
struct OpeningTests {
    @Test(
        "A second storage in the process is refused under every name of the file until the first is closed"
    )
    func sameProcess() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path()
        let link = folder.path("link.sqlite")
        try await withStorage(path) { storage in
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            for name in [
                path, folder.path("./test.sqlite"), link,
                folder.url.path + "/../\(folder.url.lastPathComponent)/test.sqlite",
            ] {
                let error = await storageError { _ = try SQLiteStorage(path: name) }
                #expect(error?.code == .refused)
                #expect(
                    error?.message.contains("in use by another storage of this process") == true,
                    "\(name): \(String(describing: error))")
                #expect(error?.message.contains(storage.path) == true)
            }
            _ = try await storage.ping()
        }
        try await withStorage(path) { _ = try await $0.ping() }
    }

    @Test("A storage that is deinitialized without being closed releases the file")
    func forgotten() async throws {
        let folder = try TemporaryFolder()
        do {
            let storage = try SQLiteStorage(path: folder.path())
            _ = try await storage.ping()
        }
        try await withStorage(folder.path()) { _ = try await $0.ping() }
    }

    @Test("A second process is refused with the first one's id, and opens the file when that is killed")
    func otherProcess() async throws {
        let folder = try TemporaryFolder()
        let process = try TestProcess("hold", folder.path())
        #expect(await process.lines(1) == ["open"])
        let error = await storageError { _ = try SQLiteStorage(path: folder.path()) }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("in use by process \(process.pid):") == true)
        process.kill()
        await process.waitForEnd()
        try await withStorage(folder.path()) { _ = try await $0.ping() }
    }

    @Test("A file that is not a database is reported as corrupt data, and is not changed")
    func noDatabase() async throws {
        let folder = try TemporaryFolder()
        let garbage = Array("This is no database. ".utf8) + [UInt8](repeating: 7, count: 10_000)
        try folder.write(garbage)
        let error = await storageError { _ = try SQLiteStorage(path: folder.path()) }
        #expect(error?.code == .corruptData)
        #expect(error?.message.contains("is not a SQLite database") == true)
        #expect(try folder.bytes() == garbage)
    }

    @Test("A damaged database is reported as corrupt data")
    func damaged() async throws {
        let folder = try TemporaryFolder()
        let run = Run(agentName: "writer")
        try await withStorage(folder.path()) { storage in
            try await storage.save(run)
            for number in 0..<500 { try await storage.append(.messagePart(.text("part \(number)")), to: run.id) }
        }
        var bytes = try folder.bytes()
        // All pages but the first ones, which contain the schema.
        for index in bytes.indices.dropFirst(bytes.count / 2) { bytes[index] = 0xAA }
        try folder.write(bytes)
        let error = await storageError {
            try await withStorage(folder.path()) { storage in
                _ = try await storage.events(of: run.id, from: 0, limit: nil)
                _ = try await storage.run(run.id)
            }
        }
        #expect(error?.code == .corruptData)
        #expect(error?.message.contains("damaged") == true)
    }

    @Test("A database of another program is refused, and is not changed")
    func otherProgram() async throws {
        let folder = try TemporaryFolder()
        let queue = try DatabaseQueue(path: folder.path())
        try await queue.write { db in try db.execute(sql: "CREATE TABLE photos (name TEXT)") }
        try queue.close()
        let before = try folder.bytes()
        let error = await storageError { _ = try SQLiteStorage(path: folder.path()) }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("another program (it has a table photos)") == true)
        #expect(try folder.bytes() == before)
    }

    @Test("A database of a newer version is refused")
    func newerVersion() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { _ in }
        let queue = try DatabaseQueue(path: folder.path())
        try await queue.write { db in try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('acp-1000')") }
        try queue.close()
        let error = await storageError { _ = try SQLiteStorage(path: folder.path()) }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("newer version") == true)
    }

    @Test(
        "A path that does not name a file is reported",
        arguments: [
            ("", StorageError.Code.invalidConfiguration), (":memory:", .invalidConfiguration),
            ("file:test.sqlite?mode=memory", .invalidConfiguration), ("/no/such/folder/test.sqlite", .refused),
            ("/tmp", .refused), ("/tmp/", .refused),
        ])
    func noFile(_ path: String, _ code: StorageError.Code) async throws {
        let error = await storageError { _ = try SQLiteStorage(path: path) }
        #expect(error?.code == code)
    }

    @Test("A file that cannot be written is refused, and is not changed")
    func readOnlyFile() async throws {
        let folder = try TemporaryFolder()
        let run = Run(agentName: "writer")
        try await withStorage(folder.path()) { try await $0.save(run) }
        try folder.permit(0o777)
        try folder.permit(0o666, "test.sqlite-lock")
        try folder.permit(0o444, "test.sqlite")
        let lines = await openWithoutRights(folder)
        #expect(lines.first?.hasPrefix("refused: ") == true, "\(lines)")
        #expect(lines.first?.contains("test.sqlite cannot be written") == true, "\(lines)")
        try folder.permit(0o600, "test.sqlite")
        let kept = try await withStorage(folder.path()) { try await $0.run(run.id) }
        #expect(kept == run)
    }

    @Test("A folder that cannot be written is refused, and is not changed")
    func readOnlyFolder() async throws {
        let folder = try TemporaryFolder()
        let run = Run(agentName: "writer")
        try await withStorage(folder.path()) { try await $0.save(run) }
        try folder.permit(0o444, "test.sqlite")
        try folder.permit(0o444, "test.sqlite-lock")
        try folder.permit(0o555)
        let lines = await openWithoutRights(folder)
        #expect(lines.first?.hasPrefix("refused: ") == true, "\(lines)")
        #expect(lines.first?.contains("Make the folder and the file writable for this user") == true, "\(lines)")
        try folder.permit(0o755)
        try folder.permit(0o600, "test.sqlite")
        try folder.permit(0o600, "test.sqlite-lock")
        let kept = try await withStorage(folder.path()) { try await $0.run(run.id) }
        #expect(kept == run)
    }

    /// Opens the database in a process that is not root, for which permissions apply.
    private func openWithoutRights(_ folder: TemporaryFolder) async -> [String] {
        do {
            let process = try TestProcess("open", folder.path())
            let lines = await process.lines(.max)
            await process.end()
            return lines
        } catch {
            return ["\(error)"]
        }
    }

    @Test("The file is accessible for its user only, and after closing only it, the lock and the reserve are left")
    func files() async throws {
        let folder = try TemporaryFolder()
        try await withStorage(folder.path()) { storage in
            try await storage.save(Run(agentName: "writer"))
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("test.sqlite-wal"))
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        }
        #expect(folder.files == ["test.sqlite", "test.sqlite-lock", "test.sqlite-reserve"])
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path())
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test("Statistics can be read while another storage has the file open, and afterwards")
    func statistics() async throws {
        let folder = try TemporaryFolder()
        let missing = await storageError { _ = try await SQLiteStorage.statistics(ofFile: folder.path()) }
        #expect(missing?.code == .notFound)
        let inside = try await withStorage(folder.path()) { storage in
            let run = Run(agentName: "writer")
            try await storage.save(run)
            for _ in 0..<3 { try await storage.append(.generic(1), to: run.id) }
            let outside = try await SQLiteStorage.statistics(ofFile: folder.path())
            #expect(outside.tables == (try await storage.statistics()).tables)
            return outside
        }
        let after = try await SQLiteStorage.statistics(ofFile: folder.path())
        #expect(after.tables == inside.tables)
        #expect(after.tables.first { $0.name == "acp_events" }?.rows == 3)
        #expect(after.tables.first { $0.name == "acp_runs" }?.rows == 1)
        #expect(after.fileBytes > 4_096)
    }
}
