// SPDX-License-Identifier: Apache-2.0

/// The framing of a transaction: `MULTI` before the commands, `EXEC` after them.
enum RedisTransaction {
    static func wrap(_ commands: [RedisCommand]) -> [RedisCommand] {
        [RedisCommand("MULTI")] + commands + [RedisCommand("EXEC")]
    }

    /// Extracts the results of the commands from the reply to `EXEC`.
    static func unwrap(_ results: [Result<RESPValue, RedisError>]) throws -> [Result<RESPValue, RedisError>] {
        guard let last = results.last else { throw RedisError(.protocolError, "The transaction has no reply.") }
        switch last {
        case .success(.array(let replies)):
            return replies.map { reply in
                if let error = reply.error { .failure(RedisError(reply: error)) } else { .success(reply) }
            }
        case .success(.null):
            throw RedisError(
                .transactionAborted,
                "A watched key changed, so the transaction was not executed: read the key again and retry."
            )
        case .success(let other):
            throw RedisError.unexpected(other, expected: "an array")
        case .failure(let error):
            guard error.code == .transactionAborted else { throw error }
            // `EXEC` only reports that a command was rejected; the first rejected command has the reason.
            for case .failure(let refusal) in results.dropLast() { throw refusal }
            throw error
        }
    }
}
