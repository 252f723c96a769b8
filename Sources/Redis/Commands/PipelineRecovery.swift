// SPDX-License-Identifier: Apache-2.0

/// Decides how a pipeline continues when the server has lost a script that it uses (`SCRIPT FLUSH`, a failover).
enum PipelineRecovery {
    /// Returns the index of the command to continue with, or `nil` if the pipeline cannot be continued without changing
    /// the order of execution.
    ///
    /// The index is that of the first command whose script was missing, provided that no command was executed after it.
    static func resumeIndex(_ commands: [RedisCommand], _ results: [Result<RESPValue, RedisError>]) -> Int? {
        guard let first = results.firstIndex(where: { isMissingScript($0) }) else { return nil }
        let isTail = results[first...].allSatisfy { isMissingScript($0) }
        return isTail && commands[first].script != nil ? first : nil
    }

    /// Returns the number of leading results that are final: neither lost nor missing a script. The other commands can
    /// be sent again.
    static func finalCount(_ results: [Result<RESPValue, RedisError>]) -> Int {
        results.firstIndex { isLost($0) || isMissingScript($0) } ?? results.count
    }

    static func isLost(_ result: Result<RESPValue, RedisError>) -> Bool {
        if case .failure(let error) = result { error.code == .outcomeUnknown } else { false }
    }

    private static func isMissingScript(_ result: Result<RESPValue, RedisError>) -> Bool {
        if case .failure(let error) = result { error.serverReply?.prefix == "NOSCRIPT" } else { false }
    }
}
