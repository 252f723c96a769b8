// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("Sentinel search")
struct SentinelSearchTests {
    private static func at(_ port: Int) -> RedisAddress { .tcp(host: "h", port: port) }
    private static let sentinels = [at(1), at(2), at(3)]
    private static let down = RedisError(.connectFailed, "down")

    private func search(knownEpoch: Int? = nil) -> SentinelSearch {
        SentinelSearch(sentinels: Self.sentinels, masterName: "mymaster", knownEpoch: knownEpoch)
    }

    private func current(_ step: SentinelSearch.Step) -> RedisAddress? {
        if case .query(let address) = step { address } else { nil }
    }

    private func verified(_ step: SentinelSearch.Step) -> RedisAddress? {
        if case .verify(let report) = step { report.address } else { nil }
    }

    private func found(_ step: SentinelSearch.Step) -> RedisAddress? {
        if case .found(let report, _) = step { report.address } else { nil }
    }

    private func failure(_ step: SentinelSearch.Step) -> RedisError? {
        if case .failed(let error) = step { error } else { nil }
    }

    @Test("Sentinels are queried in turn, and the reported server must confirm that it is the master")
    func inTurn() {
        var search = self.search()
        #expect(current(search.start()) == Self.at(1))
        #expect(current(search.received(.failed(Self.down))) == Self.at(2))
        let report = SentinelReport(address: Self.at(9), epoch: 1)
        #expect(verified(search.received(.master(report))) == Self.at(9))
        // The server reports that it is a replica.
        #expect(current(search.verified(report, isMaster: .success(false))) == Self.at(3))
        let other = SentinelReport(address: Self.at(8), epoch: 1)
        #expect(verified(search.received(.master(other))) == Self.at(8))
        #expect(found(search.verified(other, isMaster: .success(true))) == Self.at(8))
    }

    @Test("Fault 2, a stale topology: A Sentinel with an outdated view is ignored")
    func staleView() {
        var search = self.search(knownEpoch: 5)
        _ = search.start()
        let old = SentinelReport(address: Self.at(9), epoch: 4)
        #expect(current(search.received(.master(old))) == Self.at(2))
        let new = SentinelReport(address: Self.at(8), epoch: 5)
        #expect(verified(search.received(.master(new))) == Self.at(8))
    }

    @Test("An older epoch is accepted if no Sentinel has a newer one")
    func newSentinels() {
        var search = self.search(knownEpoch: 5)
        _ = search.start()
        let report = SentinelReport(address: Self.at(9), epoch: 0)
        _ = search.received(.master(report))
        _ = search.received(.master(report))
        #expect(verified(search.received(.master(report))) == Self.at(9))
        #expect(found(search.verified(report, isMaster: .success(true))) == Self.at(9))
    }

    @Test("A master that is about to be replaced is not used")
    func failingOver() {
        var search = self.search()
        _ = search.start()
        let report = SentinelReport(address: Self.at(9), epoch: 1, isFailingOver: true)
        #expect(current(search.received(.master(report))) == Self.at(2))
    }

    @Test("An unknown master name is an error with the remedy and the Sentinels")
    func unknownName() {
        var search = self.search()
        _ = search.start()
        _ = search.received(.unknownName)
        _ = search.received(.unknownName)
        let error = failure(search.received(.unknownName))
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("mymaster") == true)
        #expect(error?.message.contains("h:2") == true)
        #expect(error?.message.contains("sentinel monitor") == true)
    }

    @Test("Unreachable Sentinels are a temporary failure, and a required password is reported")
    func failures() {
        var search = self.search()
        _ = search.start()
        _ = search.received(.failed(Self.down))
        _ = search.received(.failed(Self.down))
        let error = failure(search.received(.failed(Self.down)))
        #expect(error?.code == .connectFailed && error?.isPermanent == false)
        search = self.search()
        _ = search.start()
        _ = search.received(.failed(RedisError(.authenticationFailed, "password")))
        _ = search.received(.failed(Self.down))
        let other = failure(search.received(.failed(Self.down)))
        #expect(other?.code == .authenticationFailed && other?.isPermanent == true)
    }

    private static func text(_ string: String) -> RESPValue { .bulkString(ByteBuffer(string: string)) }

    private static func entry(_ fields: [String]) -> RESPValue { .array(fields.map { text($0) }) }

    @Test("The replies of a Sentinel are parsed, as maps or flat arrays")
    func reports() throws {
        let master = Self.entry(["name", "m", "ip", "10.0.0.1", "port", "1", "flags", "master", "config-epoch", "7"])
        let replicas = RESPValue.array([
            Self.entry(["ip", "10.0.0.2", "port", "2", "flags", "slave", "master-link-status", "ok"]),
            Self.entry(["ip", "10.0.0.3", "port", "3", "flags", "s_down,slave", "master-link-status", "err"]),
        ])
        let read = try SentinelReport.read([
            .success(.array([Self.text("10.0.0.1"), Self.text("1")])), .success(master), .success(replicas),
        ])
        guard case .master(let report) = read.reply else {
            Issue.record("no master")
            return
        }
        #expect(report == SentinelReport(address: .tcp(host: "10.0.0.1", port: 1), epoch: 7))
        #expect(read.replicas == [.tcp(host: "10.0.0.2", port: 2)])
        // While a replica is being promoted, the previous master is still described.
        let promoted = try SentinelReport.read([
            .success(.array([Self.text("10.0.0.2"), Self.text("2")])), .success(master),
        ])
        guard case .master(let next) = promoted.reply else {
            Issue.record("no master")
            return
        }
        #expect(next.epoch == nil && !next.isFailingOver)
        guard case .unknownName = try SentinelReport.read([.success(.null)]).reply else {
            Issue.record("a master")
            return
        }
    }

    @Test("Announcements of other masters are ignored")
    func announcements() {
        #expect(SentinelReport.isAnnouncement("mymaster 10.0.0.1 1 10.0.0.2 2", of: "mymaster"))
        #expect(SentinelReport.isAnnouncement("slave 10.0.0.2:2 10.0.0.2 2 @ mymaster 10.0.0.1 1", of: "mymaster"))
        #expect(!SentinelReport.isAnnouncement("other 10.0.0.1 1 10.0.0.2 2", of: "mymaster"))
        #expect(!SentinelReport.isAnnouncement("slave 10.0.0.2:2 10.0.0.2 2 @ other 10.0.0.1 1", of: "mymaster"))
        #expect(!SentinelReport.isAnnouncement("@", of: "mymaster"))
    }
}
