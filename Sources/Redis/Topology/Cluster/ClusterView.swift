// SPDX-License-Identifier: Apache-2.0

/// The view that one server has of the cluster. Views differ: that of a partitioned server is outdated without its
/// knowledge.
struct ClusterView: Sendable {
    let source: RedisAddress
    let map: SlotMap
    /// The epoch of the cluster, which grows with every failover and every moved slot.
    let epoch: Int
    /// Whether the server belongs to the majority (`cluster_state:ok`).
    let isOK: Bool

    /// The commands for current servers.
    static let query = [RedisCommand("CLUSTER", "INFO"), RedisCommand("CLUSTER", "SHARDS")]
    /// The commands for servers before version 7, which do not support `CLUSTER SHARDS`.
    static let legacyQuery = [RedisCommand("CLUSTER", "SLOTS")]

    init(source: RedisAddress, map: SlotMap, epoch: Int, isOK: Bool) {
        self.source = source
        self.map = map
        self.epoch = epoch
        self.isOK = isOK
    }

    /// Returns the view to use: that of a server in the majority, and of those the newest.
    static func best(_ views: [ClusterView]) -> ClusterView? {
        views.max { left, right in
            (left.isOK ? 1 : 0, left.epoch, left.map.servedSlots) < (
                right.isOK ? 1 : 0, right.epoch, right.map.servedSlots
            )
        }
    }

    /// Parses the reply to `CLUSTER INFO`.
    static func info(_ text: String) -> (epoch: Int, isOK: Bool) {
        var epoch = 0
        var isOK = false
        for line in text.split(whereSeparator: \.isNewline) {
            if line.hasPrefix("cluster_current_epoch:") { epoch = Int(line.dropFirst(22)) ?? 0 }
            if line == "cluster_state:ok" { isOK = true }
        }
        return (epoch, isOK)
    }

    /// Queries a server.
    /// - Throws: ``RedisError``, with the code `invalidConfiguration` if the server is not in cluster mode.
    static func query(_ address: RedisAddress, with probe: TopologyProbe) async throws -> ClusterView {
        let replies = try await probe.query(address, Self.query).replies
        guard replies.count == 2 else { throw RedisError(.protocolError, "The server sent too few replies.") }
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
        guard let slots = try await probe.query(address, Self.legacyQuery).replies.first else {
            throw RedisError(.protocolError, "The server sent too few replies.")
        }
        let map = try SlotMap(slots: slots.get(), from: address)
        return ClusterView(source: address, map: map, epoch: epoch, isOK: isOK)
    }

    private static func explain(_ error: RedisError, _ address: RedisAddress) -> RedisError {
        guard error.serverReply?.message.contains("cluster support disabled") == true else { return error }
        return RedisError(
            .invalidConfiguration,
            """
            The server at \(address) is not in cluster mode: use redis:// (or rediss://) for a standalone server, \
            redis+sentinel:// for one behind Sentinel, or set cluster-enabled yes in its configuration.
            """, cause: error.cause)
    }
}
