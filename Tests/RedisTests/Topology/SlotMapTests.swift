// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("Slot map and redirections")
struct SlotMapTests {
    private static func text(_ string: String) -> RESPValue { .bulkString(ByteBuffer(string: string)) }

    private static func map(_ pairs: (String, RESPValue)...) -> RESPValue {
        .map(pairs.map { RESPPair(key: text($0.0), value: $0.1) })
    }

    private static func node(
        _ endpoint: RESPValue, _ port: Int, _ role: String, health: String = "online", tlsPort: Int? = nil
    ) -> RESPValue {
        var fields = [
            ("ip", text("10.0.0.9")), ("endpoint", endpoint), ("port", RESPValue.integer(port)),
            ("role", text(role)), ("health", text(health)),
        ]
        if let tlsPort { fields.append(("tls-port", .integer(tlsPort))) }
        return .map(fields.map { RESPPair(key: text($0.0), value: $0.1) })
    }

    private static func shard(_ slots: [Int], _ nodes: RESPValue...) -> RESPValue {
        map(("slots", .array(slots.map { .integer($0) })), ("nodes", .array(nodes)))
    }

    private static let source = RedisAddress.tcp(host: "seed", port: 7000)
    private static func at(_ host: String, _ port: Int) -> RedisAddress { .tcp(host: host, port: port) }
    private static func slot(_ number: Int) -> HashSlot { HashSlot(number) ?? HashSlot(ofKey: "") }

    @Test("CLUSTER SHARDS is parsed with several ranges, healthy replicas and the healthy master")
    func shards() throws {
        let reply = RESPValue.array([
            Self.shard(
                [0, 100, 200, 300], Self.node(Self.text("h1"), 1, "master", health: "failed"),
                Self.node(Self.text("h2"), 2, "master"), Self.node(Self.text("h3"), 3, "replica"),
                Self.node(Self.text("h4"), 4, "replica", health: "loading")),
            Self.shard([], Self.node(Self.text("h5"), 5, "master")),
        ])
        let map = try SlotMap(shards: reply, from: Self.source, usesTLS: false)
        #expect(map.shard(of: Self.slot(0))?.master == Self.at("h2", 2))
        #expect(map.shard(of: Self.slot(300))?.replicas == [Self.at("h3", 3)])
        #expect(map.shard(of: Self.slot(150)) == nil)
        #expect(map.servedSlots == 202)
        #expect(map.masters == [Self.at("h2", 2)])
    }

    @Test("Announced addresses are used, and a missing one is that of the queried server")
    func announced() throws {
        func master(_ endpoint: RESPValue, tls: Bool = false) throws -> RedisAddress? {
            let reply = RESPValue.array([Self.shard([0, 1], Self.node(endpoint, 7, "master", tlsPort: 8))])
            return try SlotMap(shards: reply, from: Self.source, usesTLS: tls).masters.first
        }
        #expect(try master(Self.text("nat.example.com")) == Self.at("nat.example.com", 7))
        #expect(try master(.null) == Self.at("seed", 7))
        #expect(try master(Self.text("")) == Self.at("seed", 7))
        #expect(try master(Self.text("?")) == Self.at("10.0.0.9", 7))
        #expect(try master(Self.text("h"), tls: true) == Self.at("h", 8))
    }

    @Test("CLUSTER SLOTS is parsed")
    func slots() throws {
        func node(_ host: String, _ port: Int) -> RESPValue {
            .array([Self.text(host), .integer(port), Self.text("id")])
        }
        let reply = RESPValue.array([
            .array([.integer(0), .integer(9), node("a", 1), node("b", 2)]),
            .array([.integer(20), .integer(29), node("a", 1)]), .array([.integer(10), .integer(19), node("", 3)]),
        ])
        let map = try SlotMap(slots: reply, from: Self.source)
        #expect(map.shard(of: Self.slot(25))?.master == Self.at("a", 1))
        #expect(map.shard(of: Self.slot(5))?.replicas == [Self.at("b", 2)])
        #expect(map.shard(of: Self.slot(15))?.master == Self.at("seed", 3))
        #expect(throws: RedisError.self) { try SlotMap(slots: .integer(1), from: Self.source) }
    }

    @Test("A moved slot is applied immediately, also for an unknown server")
    func moving() throws {
        var map = SlotMap([(.init(master: Self.at("a", 1)), [0...10])])
        let arrived = map.move(Self.slot(3), to: Self.at("b", 2))
        #expect(arrived)
        #expect(map.shard(of: Self.slot(3))?.master == Self.at("b", 2))
        #expect(map.shard(of: Self.slot(4))?.master == Self.at("a", 1))
        let again = map.move(Self.slot(3), to: Self.at("b", 2))
        #expect(!again)
        let back = map.move(Self.slot(3), to: Self.at("a", 1))
        #expect(back && map.shards.count == 2)
    }

    @Test("MOVED and ASK are parsed with hosts of every kind, and other errors are not")
    func redirections() {
        func read(_ text: String) -> SlotRedirection? { SlotRedirection(RESPError(text), from: Self.source) }
        #expect(read("MOVED 3999 127.0.0.1:6381")?.address == Self.at("127.0.0.1", 6381))
        #expect(read("MOVED 3999 127.0.0.1:6381")?.kind == .moved)
        #expect(read("ASK 5 host.example.com:1")?.kind == .ask)
        #expect(read("MOVED 1 :6381")?.address == Self.at("seed", 6381))
        #expect(read("MOVED 1 ::1:6381")?.address == Self.at("::1", 6381))
        #expect(read("MOVED 99999 h:1") == nil)
        #expect(read("MOVED 1 h") == nil)
        #expect(read("MOVED") == nil)
        #expect(read("ERR 1 h:1") == nil)
    }

    @Test("Fault 2, a stale topology: The newest view of the majority is used")
    func views() {
        func view(_ epoch: Int, ok: Bool, _ host: String) -> ClusterView {
            ClusterView(
                source: Self.at(host, 1), map: SlotMap([(.init(master: Self.at(host, 1)), [0...16_383])]), epoch: epoch,
                isOK: ok)
        }
        #expect(ClusterView.best([view(3, ok: true, "old"), view(4, ok: true, "new")])?.source == Self.at("new", 1))
        #expect(ClusterView.best([view(9, ok: false, "cut off"), view(4, ok: true, "majority")])?.epoch == 4)
        #expect(ClusterView.best([]) == nil)
        let info = ClusterView.info("cluster_state:ok\r\ncluster_slots_ok:1\r\ncluster_current_epoch:12\r\n")
        #expect(info == (12, true))
    }
}
