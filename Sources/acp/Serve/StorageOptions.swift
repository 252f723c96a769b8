// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import ArgumentParser
import Logging
import Redis

/// The storage of a command.
struct StorageOptions: ParsableArguments {
    @Option(help: "The storage of runs, events and sessions.")
    var storage = "sqlite"

    @Option(help: "The prefix of all keys in Redis.")
    var prefix = "acp:"

    @Option(
        help: """
            How many seconds a run is stored after its last update (in SQLite: after its end), and a session after its \
            last use. (default: 86400; in SQLite and PostgreSQL until it is deleted)
            """)
    var ttl: Int?

    func validate() throws {
        guard ttl ?? 1 > 0 else { throw ValidationError("--ttl must be 1 or more.") }
        guard !prefix.isEmpty else { throw ValidationError("--prefix must not be empty.") }
        do {
            if case .postgres = try StorageSpecification(storage), ttl != nil {
                throw ValidationError(
                    "--ttl is not supported for PostgreSQL, which stores runs until they are deleted: see acp storage prune."
                )
            }
        } catch let error as StorageSpecification.UnknownForm {
            throw ValidationError("\(error).")
        }
    }

    func specification() throws -> StorageSpecification { try StorageSpecification(storage) }

    /// Returns a description of the storage for a confirmation, without its URL, which may contain a password.
    func place() throws -> String {
        switch try specification() {
        case .memory: "memory"
        case .sqlite(let path): try path ?? DataFolder.defaultStorage()
        case .redis: "Redis with prefix \(prefix)"
        case .postgres: "the tables of this storage in PostgreSQL"
        }
    }

    /// Opens the storage and checks its connectivity, so that mistakes are reported at once.
    func open(
        logLevel: Logger.Level = .warning, logFormat: LogFormat = .text
    ) async throws -> any Storage {
        let specification = try specification()
        let gate = StartupLogHandler.Gate()
        let logger = StartupLogHandler.logger(level: logLevel, format: logFormat, gate: gate)
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
            if let cause = error.cause as? RedisError, cause.code == .invalidConfiguration {
                throw ValidationError(cause.message)
            }
            if case .sqlite(let path) = specification {
                Console.error("\(error.message).")
                if path == nil { Console.note("Other storages: --storage sqlite:PATH, --storage memory.") }
            } else {
                Console.error("the storage is not available: \(error.message)")
            }
            throw ExitStatus.unsuccessful.code
        }
    }
}
