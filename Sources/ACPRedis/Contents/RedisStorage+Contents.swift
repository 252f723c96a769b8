// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
import Redis

extension RedisStorage {
    /// Returns contents that were stored with commits and history blocks: one round trip, on a cluster one for each
    /// server that holds some.
    public func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] {
        try executor.checkOpen()
        guard !keys.isEmpty else { return [] }
        // All contents of one run or session are in one hash.
        var positions: [ContentKey.Owner: [Int]] = [:]
        for (position, key) in keys.enumerated() { positions[key.owner, default: []].append(position) }
        let owners = Array(positions.keys)
        let requests = owners.map { owner in
            let digests = positions[owner, default: []].map { RedisArgument.text(keys[$0].digest.rawValue) }
            return RedisRequest("HMGET", [.text(name(owner))] + digests, isIdempotent: true)
        }
        let task = RedisTask.reading("contents", at: name(owners[0]))
        var found = [[UInt8]?](repeating: nil, count: keys.count)
        for (owner, reply) in zip(owners, try await executor.sendEach(requests, task)) {
            let indices = positions[owner, default: []]
            guard let values = reply.array, values.count == indices.count else {
                throw RedisTask.reading("contents", at: name(owner)).corrupt("it is not a hash")
            }
            for (index, value) in zip(indices, values) { found[index] = value.bytes }
        }
        return found
    }

    private func name(_ owner: ContentKey.Owner) -> String {
        switch owner {
        case .run(let run): keys.contents(run)
        case .session(let session): keys.contents(session)
        }
    }
}

extension [StoredContent] {
    /// Two arguments for each content, as ``RedisScripts`` expect them.
    var scriptArguments: [RedisArgument] { flatMap { [.text($0.digest.rawValue), .bytes($0.bytes)] } }
}
