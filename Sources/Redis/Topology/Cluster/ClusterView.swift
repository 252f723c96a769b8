// SPDX-License-Identifier: Apache-2.0

/// How one server sees the cluster. Views differ: a server that is cut off from the others has an old one and does not
/// know.
struct ClusterView: Sendable {
    let source: RedisAddress
    let map: SlotMap
    /// Grows with every failover and every slot that has moved.
    let epoch: Int
    /// The server belongs to the majority.
    let isOK: Bool

    /// What is sent to a server.
    static let question = [RedisCommand("CLUSTER", "INFO"), RedisCommand("CLUSTER", "SHARDS")]
    /// For servers that do not know shards.
    static let oldQuestion = [RedisCommand("CLUSTER", "SLOTS")]

    init(source: RedisAddress, map: SlotMap, epoch: Int, isOK: Bool) {
        self.source = source
        self.map = map
        self.epoch = epoch
        self.isOK = isOK
    }

    /// The view to go by: that of a server in the majority, and of those the newest.
    static func best(_ views: [ClusterView]) -> ClusterView? {
        views.max { left, right in
            (left.isOK ? 1 : 0, left.epoch, left.map.servedSlots) < (
                right.isOK ? 1 : 0, right.epoch, right.map.servedSlots
            )
        }
    }

    /// Reads the fields of `CLUSTER INFO`.
    static func info(_ text: String) -> (epoch: Int, isOK: Bool) {
        var epoch = 0
        var isOK = false
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("cluster_current_epoch:") { epoch = Int(line.dropFirst(22)) ?? 0 }
            if line == "cluster_state:ok" { isOK = true }
        }
        return (epoch, isOK)
    }

    /// Asks a server.
    /// - Throws: ``RedisError``; `invalidConfiguration` if the server is not in cluster mode.
    static func ask(_ address: RedisAddress, with probe: TopologyProbe) async throws -> ClusterView {
        let replies = try await probe.ask(address, Self.question).replies
        guard replies.count == 2 else { throw RedisError(.protocolError, "The server gave too few answers.") }
        let text: String
        do {
            text = try replies[0].get().string ?? ""
        } catch {
            throw explain(error, address)
        }
        let (epoch, isOK) = info(text)
        let usesTLS = probe.factory.configuration.tls != nil
        if case .success(let shards) = replies[1] {
            let map = try SlotMap(shards: shards, from: address, usesTLS: usesTLS)
            return ClusterView(source: address, map: map, epoch: epoch, isOK: isOK)
        }
        guard let slots = try await probe.ask(address, Self.oldQuestion).replies.first else {
            throw RedisError(.protocolError, "The server gave too few answers.")
        }
        let map = try SlotMap(slots: slots.get(), from: address)
        return ClusterView(source: address, map: map, epoch: epoch, isOK: isOK)
    }

    private static func explain(_ error: RedisError, _ address: RedisAddress) -> RedisError {
        guard error.serverReply?.message.contains("cluster support disabled") == true else { return error }
        return RedisError(
            .invalidConfiguration,
            """
            The server at \(address) is not in cluster mode: use redis:// (or rediss://) for a server of its own, \
            redis+sentinel:// for one behind Sentinel, or set cluster-enabled yes in its configuration.
            """, cause: error.cause)
    }
}
