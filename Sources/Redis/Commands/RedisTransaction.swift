// SPDX-License-Identifier: Apache-2.0

/// The frame of a transaction: `MULTI` before the commands, `EXEC` after them.
enum RedisTransaction {
    static func wrap(_ commands: [RedisCommand]) -> [RedisCommand] {
        [RedisCommand("MULTI")] + commands + [RedisCommand("EXEC")]
    }

    /// Takes the results of the commands out of the answer to `EXEC`.
    static func unwrap(_ results: [Result<RESPValue, RedisError>]) throws -> [Result<RESPValue, RedisError>] {
        guard let last = results.last else { throw RedisError(.protocolError, "A transaction without an answer.") }
        switch last {
        case .success(.array(let replies)):
            return replies.map { reply in
                if let error = reply.error { .failure(RedisError(reply: error)) } else { .success(reply) }
            }
        case .success(.null):
            throw RedisError(
                .transactionAborted,
                "A watched key changed, so the transaction was not executed: read it again and repeat."
            )
        case .success(let other):
            throw RedisError.unexpected(other, wanted: "an array")
        case .failure(let error):
            guard error.code == .transactionAborted else { throw error }
            // EXEC only says that something was wrong before; the first refused command says what.
            for case .failure(let refusal) in results.dropLast() { throw refusal }
            throw error
        }
    }
}
