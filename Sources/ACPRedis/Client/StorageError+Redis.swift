// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis

/// What is being done to Redis, for error messages and for what a lost answer means.
struct RedisTask: Sendable {
    /// What it is, in words, and where. Made when it is needed: hardly anything fails.
    private let description: @Sendable () -> (what: String, key: String)
    /// Whether it changes anything. Where it does not, a lost answer leaves nothing in doubt.
    let changes: Bool

    /// In words, for example `committing to run 8f14`.
    var what: String { changes ? description().what : "reading \(description().what)" }

    /// Where it happens: named when what is stored there cannot be read.
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

    /// The error for something stored that cannot be read.
    func corrupt(_ problem: String, cause: (any Error)? = nil) -> StorageError {
        StorageError(
            .corruptData,
            "the key \(key) holds something that cannot be read: \(problem). Repair or delete it", cause: cause)
    }

    /// The error for a failure of the client.
    ///
    /// - Parameters:
    ///   - runsScript: Whether the command runs a script.
    ///   - pattern: The glob pattern that all keys and channels of the storage match.
    func failed(_ error: any Error, runsScript: Bool, pattern: String) -> StorageError {
        guard let error = error as? RedisError else {
            return StorageError(changes ? .outcomeUnknown : .cannotConnect, "\(what) failed", cause: error)
        }
        if error.serverReply?.prefix == "WRONGTYPE" || error.code == .unexpectedReply {
            return corrupt("it is of another type", cause: error)
        }
        // A refusal says nothing of an earlier attempt whose reply was lost.
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
        // Sent and not answered. Whatever the reason, a change may have happened.
        if error.mayHaveExecuted, changes { return .outcomeUnknown }
        switch error.code {
        case .connectFailed, .poolExhausted, .neverSent, .outcomeUnknown, .loading, .protocolError, .clusterDown,
            .redirected:
            return .cannotConnect
        case .timedOut, .cancelled: return .timedOut
        case .closed: return .closed
        case .outOfMemory: return .full
        // Whatever else there is, the server or the client said no and will again: a wrong password, a missing permission,
        // read-only.
        default: return .refused
        }
    }
}
