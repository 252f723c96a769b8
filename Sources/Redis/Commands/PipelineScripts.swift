// SPDX-License-Identifier: Apache-2.0

/// What happens when a server lost a script (`SCRIPT FLUSH`, a failover) that a pipeline uses.
enum PipelineScripts {
    /// Where to continue a pipeline, if that can be done without changing the order of execution: the first command
    /// that failed for want of its script, provided that nothing was executed after it.
    static func resumption(_ commands: [RedisCommand], _ results: [Result<RESPValue, RedisError>]) -> Int? {
        guard let first = results.firstIndex(where: { lacksScript($0) }) else { return nil }
        let isTail = results[first...].allSatisfy { lacksScript($0) }
        return isTail && commands[first].script != nil ? first : nil
    }

    /// How many results at the beginning are final: neither lost, nor in want of a script. The rest can be sent again.
    static func finalCount(_ results: [Result<RESPValue, RedisError>]) -> Int {
        results.firstIndex { isLost($0) || lacksScript($0) } ?? results.count
    }

    static func isLost(_ result: Result<RESPValue, RedisError>) -> Bool {
        if case .failure(let error) = result { error.code == .outcomeUnknown } else { false }
    }

    private static func lacksScript(_ result: Result<RESPValue, RedisError>) -> Bool {
        if case .failure(let error) = result { error.serverReply?.prefix == "NOSCRIPT" } else { false }
    }
}
