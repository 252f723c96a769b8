// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import ArgumentParser
import RedisClient

/// Which storage a command is about.
struct StorageOptions: ParsableArguments {
    @Option(help: "Where runs, events and sessions are kept.")
    var storage = "memory"

    @Option(help: "What all keys in Redis begin with.")
    var prefix = "acp:"

    @Option(help: "For how many seconds a run is kept after its last update, and a session after its last use.")
    var ttl = 86_400

    func validate() throws {
        guard ttl > 0 else { throw ValidationError("--ttl has to be 1 or more.") }
        guard !prefix.isEmpty else { throw ValidationError("--prefix may not be empty.") }
        do {
            _ = try StorageSpecification(storage)
        } catch {
            throw ValidationError("\(error).")
        }
    }

    /// Opens the storage and sees whether it answers, so that a mistake shows at once.
    func open() async throws -> any Storage {
        do {
            let storage = try StorageSpecification(storage).open(prefix: prefix, timeToLive: .seconds(ttl))
            do {
                _ = try await storage.ping()
            } catch {
                try? await storage.close()
                throw error
            }
            return storage
        } catch let error as StorageError {
            Console.error("the storage does not answer: \(error.message)")
            throw ExitStatus.unsuccessful.code
        } catch let error as RedisError {
            throw ValidationError(error.message)
        }
    }
}
