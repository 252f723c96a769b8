// SPDX-License-Identifier: Apache-2.0

/// The assignment of slots to the servers of a cluster.
struct SlotMap: Sendable, Equatable {
    /// A master and its replicas.
    struct Shard: Sendable, Equatable {
        var master: RedisAddress
        /// The healthy replicas.
        var replicas: [RedisAddress] = []
    }

    private(set) var shards: [Shard]
    /// The index in `shards` of each slot, or `unserved`.
    private var owners: [UInt16]
    private static let unserved = UInt16.max

    init(_ ranges: [(shard: Shard, slots: [ClosedRange<Int>])]) {
        shards = []
        owners = Array(repeating: Self.unserved, count: HashSlot.count)
        for (shard, slots) in ranges {
            let index = UInt16(shards.count)
            shards.append(shard)
            for range in slots {
                for slot in range.clamped(to: 0...HashSlot.count - 1) { owners[slot] = index }
            }
        }
    }

    func shard(of slot: HashSlot) -> Shard? { shardIndex(of: slot).map { shards[$0] } }

    /// Returns the index of a slot's shard in ``shards``.
    func shardIndex(of slot: HashSlot) -> Int? {
        let owner = owners[slot.number]
        return owner == Self.unserved ? nil : Int(owner)
    }

    var masters: [RedisAddress] { shards.map(\.master) }

    /// The number of slots that a master serves.
    var servedSlots: Int { owners.count { $0 != Self.unserved } }

    /// Assigns a slot to another master after a redirection, until the map is read again.
    /// - Returns: `false` if the slot was already assigned to that master.
    mutating func move(_ slot: HashSlot, to master: RedisAddress) -> Bool {
        if shard(of: slot)?.master == master { return false }
        if let index = shards.firstIndex(where: { $0.master == master }) {
            owners[slot.number] = UInt16(index)
        } else {
            owners[slot.number] = UInt16(shards.count)
            shards.append(Shard(master: master))
        }
        return true
    }
}

// MARK: Parsing

extension SlotMap {
    /// Parses the reply to `CLUSTER SHARDS`.
    /// - Parameters:
    ///   - source: The server that replied. Its address is used for servers that do not announce one.
    ///   - usesTLS: Whether the TLS port of two announced ports is used.
    init(shards reply: RESPValue, from source: RedisAddress, usesTLS: Bool) throws {
        guard let entries = reply.array else { throw RedisError.unexpected(reply, expected: "an array of shards") }
        var ranges: [(shard: Shard, slots: [ClosedRange<Int>])] = []
        for entry in entries {
            let bounds = (entry["slots"]?.array ?? []).compactMap(\.int)
            let slots = stride(from: 0, to: bounds.count - 1, by: 2).compactMap { index in
                bounds[index] <= bounds[index + 1] ? bounds[index]...bounds[index + 1] : nil
            }
            var master: RedisAddress?
            var replicas: [RedisAddress] = []
            for node in entry["nodes"]?.array ?? [] {
                let port = (usesTLS ? node["tls-port"]?.int : node["port"]?.int) ?? node["port"]?.int
                guard let address = Self.address(node["endpoint"]?.string, fallback: node["ip"]?.string, port, source)
                else { continue }
                if node["role"]?.string == "master" {
                    // After a failover, the failed master is still listed.
                    if master == nil || node["health"]?.string == "online" { master = address }
                } else if node["health"]?.string == "online" {
                    replicas.append(address)
                }
            }
            guard let master, !slots.isEmpty else { continue }
            ranges.append((Shard(master: master, replicas: replicas), slots))
        }
        self.init(ranges)
    }

    /// Parses the reply to `CLUSTER SLOTS`, for servers before version 7.
    init(slots reply: RESPValue, from source: RedisAddress) throws {
        guard let entries = reply.array else { throw RedisError.unexpected(reply, expected: "an array of slots") }
        var order: [RedisAddress] = []
        var ranges: [RedisAddress: (shard: Shard, slots: [ClosedRange<Int>])] = [:]
        for entry in entries {
            guard let parts = entry.array, parts.count >= 3, let start = parts[0].int, let end = parts[1].int,
                start <= end
            else { continue }
            let nodes = parts[2...].compactMap { node -> RedisAddress? in
                guard let fields = node.array, fields.count >= 2 else { return nil }
                return Self.address(fields[0].string, fallback: nil, fields[1].int, source)
            }
            guard let master = nodes.first else { continue }
            if ranges[master] == nil {
                order.append(master)
                ranges[master] = (Shard(master: master, replicas: Array(nodes.dropFirst())), [])
            }
            ranges[master]?.slots.append(start...end)
        }
        self.init(order.compactMap { ranges[$0] })
    }

    /// Returns the announced address of a server. An empty one is that of `source`, and `?` is unknown.
    static func address(
        _ endpoint: String?, fallback: String?, _ port: Int?, _ source: RedisAddress
    ) -> RedisAddress? {
        guard let port, port > 0 else { return nil }
        let announced = endpoint.flatMap { $0.isEmpty || $0 == "?" ? nil : $0 }
        if let announced { return .tcp(host: announced, port: port) }
        if endpoint != "?", endpoint == nil || endpoint == "", case .tcp(let host, _) = source {
            return .tcp(host: host, port: port)
        }
        guard let fallback, !fallback.isEmpty else { return nil }
        return .tcp(host: fallback, port: port)
    }
}

/// A redirection of a slot to another server.
struct SlotRedirection: Equatable {
    enum Kind {
        /// Permanent.
        case moved
        /// For one command.
        case ask
    }

    let kind: Kind
    let slot: HashSlot
    let address: RedisAddress

    /// Parses `MOVED 3999 127.0.0.1:6381` and `ASK 3999 127.0.0.1:6381`.
    /// - Parameter source: The server that sent the error. An empty host means the same server.
    init?(_ error: RESPError, from source: RedisAddress) {
        let words = error.message.split(separator: " ")
        guard words.count >= 3, let number = Int(words[1]), let slot = HashSlot(number),
            let colon = words[2].lastIndex(of: ":"), let port = Int(words[2][words[2].index(after: colon)...])
        else { return nil }
        switch words[0] {
        case "MOVED": kind = .moved
        case "ASK": kind = .ask
        default: return nil
        }
        var host = words[2][..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let address = SlotMap.address(String(host), fallback: nil, port, source) else { return nil }
        self.slot = slot
        self.address = address
    }
}
