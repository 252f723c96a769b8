// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers

extension ClusterTopology: SubscriptionDirectory {
    func home(of target: SubscriptionTarget, after current: RedisAddress?) -> RedisAddress? {
        let (address, isPending) = self.state.withLockedValue { state -> (RedisAddress?, Bool) in
            guard let map = state.map else { return (nil, true) }
            if target.kind == .shardChannel {
                return (map.shard(of: HashSlot(ofKey: target.name))?.master, false)
            }
            // Any will do. One that works stays.
            let usable = map.masters.filter { !state.troubled.contains($0) }
            if let current, usable.contains(current) { return (current, false) }
            return ((usable.isEmpty ? map.masters : usable).randomElement(), false)
        }
        if isPending { self.begin() }
        return address
    }

    func isKnown(_ address: RedisAddress) -> Bool {
        self.state.withLockedValue { $0.map?.masters.contains(address) == true }
    }

    func report(_ error: RedisError, at address: RedisAddress) {
        if let reply = error.serverReply { self.follow(reply, from: address) }
        if error.serverReply == nil, self.isKnown(address) {
            self.state.withLockedValue { _ = $0.troubled.insert(address) }
        }
        self.refresher.evidence()
    }

    var lastReadError: RedisError? { self.state.withLockedValue { $0.map == nil ? $0.readError?.error : nil } }
}
