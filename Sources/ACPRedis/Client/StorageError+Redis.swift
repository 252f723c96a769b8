// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis

/// An operation on Redis, for error messages, and to decide what a lost reply means.
struct RedisTask: Sendable {
    /// The description and the key. Created only when an operation fails.
    private let description: @Sendable () -> (what: String, key: String)
    /// Whether the operation writes. If it does not, a lost reply leaves nothing in doubt.
    let changes: Bool

    /// The description, for example `committing to run 8f14`.
    var what: String { changes ? description().what : "reading \(description().what)" }

    /// The key that the message names when its value cannot be read.
    var key: String { description().key }

    static func reading(_ what: String, at key: String) -> RedisTask {
        RedisTask(changes: false) { (what, key) }
    }

    static func writing(_ what: String, at key: String) -> RedisTask {
        RedisTask(changes: true) { (what, key) }
    }

    static func committing(to run: RunID, _ keys: RedisKeys) -> RedisTask {
        RedisTask(changes: true) { ("Committing to run \(run)", keys.run(run)) }
    }

    private init(changes: Bool, _ description: @escaping @Sendable () -> (what: String, key: String)) {
        self.changes = changes
        self.description = description
    }

    /// Returns the error for a stored value that cannot be read.
    func corrupt(_ problem: String, cause: (any Error)? = nil) -> StorageError {
        StorageError(
            .corruptData,
            "the value of the key \(key) cannot be read: \(problem). Repair or delete it", cause: cause)
    }

    /// Returns the error for a failure of the client.
    func failed(_ error: any Error, runsScript: Bool, pattern: String) -> StorageError {
        guard let error = error as? RedisError else {
            return StorageError(changes ? .outcomeUnknown : .cannotConnect, "\(what) failed", cause: error)
        }
        if error.serverReply?.prefix == "WRONGTYPE" || error.code == .unexpectedReply {
            return corrupt("it is of another type", cause: error)
        }
        // A refusal does not rule out that an earlier attempt, whose reply was lost, was executed.
        let isInDoubt = changes && error.mayHaveExecuted
        if let reply = error.serverReply,
            let refusal = ServerRefusal(
                reply, runsScript: runsScript, changes: changes && !isInDoubt, pattern: pattern)
        {
            return StorageError(
                isInDoubt ? .outcomeUnknown : refusal.code, "\(what) failed. \(refusal.text)", cause: error)
        }
        return StorageError(code(for: error), "\(what) failed. \(error.message)", cause: error)
    }

    private func code(for error: RedisError) -> StorageError.Code {
        // Sent, but no reply was received. Whatever the reason, the change may have happened.
        if error.mayHaveExecuted, changes { return .outcomeUnknown }
        switch error.code {
        case .connectFailed, .poolExhausted, .neverSent, .outcomeUnknown, .loading, .protocolError, .clusterDown,
            .redirected:
            return .cannotConnect
        case .timedOut, .cancelled: return .timedOut
        case .closed: return .closed
        case .outOfMemory: return .full
        // All other codes are refusals that will recur: a wrong password, a missing permission, read-only.
        default: return .refused
        }
    }
}
