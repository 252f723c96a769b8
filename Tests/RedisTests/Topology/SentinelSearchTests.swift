// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import Redis

@Suite("The search for a master")
struct SentinelSearchTests {
    private static func at(_ port: Int) -> RedisAddress { .tcp(host: "h", port: port) }
    private static let sentinels = [at(1), at(2), at(3)]
    private static let down = RedisError(.connectFailed, "down")

    private func search(knownEpoch: Int? = nil) -> SentinelSearch {
        SentinelSearch(sentinels: Self.sentinels, masterName: "mymaster", knownEpoch: knownEpoch)
    }

    private func asked(_ step: SentinelSearch.Step) -> RedisAddress? {
        if case .ask(let address) = step { address } else { nil }
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

    @Test("Sentinels are asked in turn, and whom they name has to say that it is the master")
    func inTurn() {
        var search = self.search()
        #expect(asked(search.start()) == Self.at(1))
        #expect(asked(search.answered(.failed(Self.down))) == Self.at(2))
        let report = SentinelReport(address: Self.at(9), epoch: 1)
        #expect(verified(search.answered(.master(report))) == Self.at(9))
        // It says that it is a replica.
        #expect(asked(search.verified(report, isMaster: .success(false))) == Self.at(3))
        let other = SentinelReport(address: Self.at(8), epoch: 1)
        #expect(verified(search.answered(.master(other))) == Self.at(8))
        #expect(found(search.verified(other, isMaster: .success(true))) == Self.at(8))
    }

    @Test("Fault 2, a stale topology: one Sentinel with an old view is not believed")
    func staleView() {
        var search = self.search(knownEpoch: 5)
        _ = search.start()
        let old = SentinelReport(address: Self.at(9), epoch: 4)
        #expect(asked(search.answered(.master(old))) == Self.at(2))
        let new = SentinelReport(address: Self.at(8), epoch: 5)
        #expect(verified(search.answered(.master(new))) == Self.at(8))
    }

    @Test("if no Sentinel has anything newer, they were set up anew, and are believed")
    func newSentinels() {
        var search = self.search(knownEpoch: 5)
        _ = search.start()
        let report = SentinelReport(address: Self.at(9), epoch: 0)
        _ = search.answered(.master(report))
        _ = search.answered(.master(report))
        #expect(verified(search.answered(.master(report))) == Self.at(9))
        #expect(found(search.verified(report, isMaster: .success(true))) == Self.at(9))
    }

    @Test("a master that is about to be replaced is not taken")
    func failingOver() {
        var search = self.search()
        _ = search.start()
        let report = SentinelReport(address: Self.at(9), epoch: 1, isFailingOver: true)
        #expect(asked(search.answered(.master(report))) == Self.at(2))
    }

    @Test("a name that no Sentinel knows is an error that names the remedy and the Sentinels")
    func unknownName() {
        var search = self.search()
        _ = search.start()
        _ = search.answered(.unknownName)
        _ = search.answered(.unknownName)
        let error = failure(search.answered(.unknownName))
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("mymaster") == true)
        #expect(error?.message.contains("h:2") == true)
        #expect(error?.message.contains("sentinel monitor") == true)
    }

    @Test("if none can be reached the error may pass; if one wants a password, that is said")
    func failures() {
        var search = self.search()
        _ = search.start()
        _ = search.answered(.failed(Self.down))
        _ = search.answered(.failed(Self.down))
        let error = failure(search.answered(.failed(Self.down)))
        #expect(error?.code == .connectFailed && error?.isLasting == false)
        search = self.search()
        _ = search.start()
        _ = search.answered(.failed(RedisError(.authenticationFailed, "password")))
        _ = search.answered(.failed(Self.down))
        let other = failure(search.answered(.failed(Self.down)))
        #expect(other?.code == .authenticationFailed && other?.isLasting == true)
    }

    private static func text(_ string: String) -> RESPValue { .bulkString(ByteBuffer(string: string)) }

    private static func entry(_ fields: [String]) -> RESPValue { .array(fields.map { text($0) }) }

    @Test("the answers of a Sentinel are read, as maps or as flat lists")
    func reports() throws {
        let master = Self.entry(["name", "m", "ip", "10.0.0.1", "port", "1", "flags", "master", "config-epoch", "7"])
        let replicas = RESPValue.array([
            Self.entry(["ip", "10.0.0.2", "port", "2", "flags", "slave", "master-link-status", "ok"]),
            Self.entry(["ip", "10.0.0.3", "port", "3", "flags", "s_down,slave", "master-link-status", "err"]),
        ])
        let read = try SentinelReport.read([
            .success(.array([Self.text("10.0.0.1"), Self.text("1")])), .success(master), .success(replicas),
        ])
        guard case .master(let report) = read.answer else {
            Issue.record("no master")
            return
        }
        #expect(report == SentinelReport(address: .tcp(host: "10.0.0.1", port: 1), epoch: 7))
        #expect(read.replicas == [.tcp(host: "10.0.0.2", port: 2)])
        // While a replica is being promoted, the master of before is still described.
        let promoted = try SentinelReport.read([
            .success(.array([Self.text("10.0.0.2"), Self.text("2")])), .success(master),
        ])
        guard case .master(let next) = promoted.answer else {
            Issue.record("no master")
            return
        }
        #expect(next.epoch == nil && !next.isFailingOver)
        guard case .unknownName = try SentinelReport.read([.success(.null)]).answer else {
            Issue.record("a master")
            return
        }
    }

    @Test("announcements of other masters are not ours")
    func announcements() {
        #expect(SentinelReport.isAnnouncement("mymaster 10.0.0.1 1 10.0.0.2 2", of: "mymaster"))
        #expect(SentinelReport.isAnnouncement("slave 10.0.0.2:2 10.0.0.2 2 @ mymaster 10.0.0.1 1", of: "mymaster"))
        #expect(!SentinelReport.isAnnouncement("other 10.0.0.1 1 10.0.0.2 2", of: "mymaster"))
        #expect(!SentinelReport.isAnnouncement("slave 10.0.0.2:2 10.0.0.2 2 @ other 10.0.0.1 1", of: "mymaster"))
        #expect(!SentinelReport.isAnnouncement("@", of: "mymaster"))
    }
}
