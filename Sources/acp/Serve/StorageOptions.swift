// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import ArgumentParser
import Logging
import Redis

/// The storage of a command that accesses it directly.
struct StorageOptions: ParsableArguments {
    @OptionGroup var settings: SettingOptions<StorageScope>

    /// Returns the storage of the options, of variables and of the configuration file.
    func access() throws -> StorageAccess { StorageAccess(try settings.values()) }
}

/// A storage that can be opened.
struct StorageAccess {
    let specification: StorageSpecification
    let prefix: String
    let timeToLive: Duration?

    /// - Parameter values: Valid settings.
    init(_ values: SettingValues) {
        let settings = ServeSettings.storage
        specification = settings.specification(values)
        prefix = values[settings.prefix]
        timeToLive = values[settings.timeToLive].map { .seconds($0) }
    }

    /// Returns a description of the storage for a confirmation, without its URL, which may contain a password.
    func place() throws -> String {
        switch specification {
        case .memory: "memory"
        case .sqlite(let path): try path ?? DataFolder.defaultStorage()
        case .redis: "Redis with prefix \(prefix)"
        case .postgres: "the tables of this storage in PostgreSQL"
        }
    }

    /// Opens the storage and checks its connectivity, so that mistakes are reported at once.
    func open(logLevel: Logger.Level = .warning, logFormat: LogFormat = .text) async throws -> any Storage {
        let gate = StartupLogHandler.Gate()
        let logger = StartupLogHandler.logger(level: logLevel, format: logFormat, gate: gate)
        do {
            let storage = try specification.open(prefix: prefix, timeToLive: timeToLive, logger: logger)
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
