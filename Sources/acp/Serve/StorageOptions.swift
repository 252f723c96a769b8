// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import ArgumentParser
import Logging
import Redis

/// Which storage a command is about.
struct StorageOptions: ParsableArguments {
    @Option(help: "Where runs, events and sessions are kept.")
    var storage = "sqlite"

    @Option(help: "What all keys in Redis begin with.")
    var prefix = "acp:"

    @Option(
        help: """
            For how many seconds a run is kept after its last update (in SQLite: after its end), and a session after its \
            last use. (default: 86400; in SQLite and PostgreSQL until it is deleted)
            """)
    var ttl: Int?

    func validate() throws {
        guard ttl ?? 1 > 0 else { throw ValidationError("--ttl has to be 1 or more.") }
        guard !prefix.isEmpty else { throw ValidationError("--prefix may not be empty.") }
        do {
            if case .postgres = try StorageSpecification(storage), ttl != nil {
                throw ValidationError(
                    "--ttl is not for PostgreSQL, which keeps everything until it is deleted: see acp storage prune.")
            }
        } catch let error as StorageSpecification.UnknownForm {
            throw ValidationError("\(error).")
        }
    }

    func specification() throws -> StorageSpecification { try StorageSpecification(storage) }

    /// The storage in words, for questions. Without what may hold a password.
    func place() throws -> String {
        switch try specification() {
        case .memory: "memory"
        case .sqlite(let path): try path ?? DataFolder.defaultStorage()
        case .redis: "Redis with prefix \(prefix)"
        case .postgres: "the tables of this storage in PostgreSQL"
        }
    }

    /// Opens the storage and sees whether it answers, so that a mistake shows at once.
    func open(logLevel: Logger.Level = .warning) async throws -> any Storage {
        let specification = try specification()
        let gate = StartupLogHandler.Gate()
        let logger = StartupLogHandler.logger(level: logLevel, gate: gate)
        do {
            let storage = try specification.open(
                prefix: prefix, timeToLive: ttl.map { .seconds($0) }, logger: logger)
            do {
                _ = try await storage.ping()
                gate.open()
            } catch {
                try? await storage.close()
                throw error
            }
            return storage
        } catch let error as StorageError {
            if case .sqlite(let path) = specification {
                Console.error("\(error.message).")
                if path == nil { Console.note("Other storages: --storage sqlite:PATH, --storage memory.") }
            } else {
                Console.error("the storage does not answer: \(error.message)")
            }
            throw ExitStatus.unsuccessful.code
        } catch let error as RedisError {
            throw ValidationError(error.message)
        }
    }
}
