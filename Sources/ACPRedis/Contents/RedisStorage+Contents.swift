// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
import Redis

extension RedisStorage {
    /// Contents that came with commits and history blocks: one round trip, on a cluster one to each server that has some.
    public func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?] {
        try link.checkOpen()
        guard !keys.isEmpty else { return [] }
        // All that one run or session has is in one hash.
        var positions: [ContentKey.Owner: [Int]] = [:]
        for (position, key) in keys.enumerated() { positions[key.owner, default: []].append(position) }
        let owners = Array(positions.keys)
        let requests = owners.map { owner in
            let digests = positions[owner, default: []].map { RedisArgument.text(keys[$0].digest.rawValue) }
            return RedisRequest("HMGET", [.text(name(owner))] + digests, isIdempotent: true)
        }
        let task = RedisTask.reading("contents", at: name(owners[0]))
        var found = [[UInt8]?](repeating: nil, count: keys.count)
        for (owner, reply) in zip(owners, try await link.sendEach(requests, task)) {
            let places = positions[owner, default: []]
            guard let values = reply.array, values.count == places.count else {
                throw RedisTask.reading("contents", at: name(owner)).corrupt("it is no hash")
            }
            for (place, value) in zip(places, values) { found[place] = value.bytes }
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
    /// Two words for each: what ``RedisScripts`` expect.
    var words: [RedisArgument] { flatMap { [.text($0.digest.rawValue), .bytes($0.bytes)] } }
}
