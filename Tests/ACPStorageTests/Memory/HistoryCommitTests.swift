// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import ACPStorage

@Suite("Commits with history blocks in memory storage")
struct HistoryCommitTests {
    private let storage = MemoryStorage(.init(runLimit: 2), now: { .now })
    private let run = Run(agentName: "agent", sessionID: "session")
    private let owner = RunOwner(process: ProcessID())
    private let digest = ContentDigest(hash: Array(repeating: 7, count: 32))

    private let history: HistoryAppend

    init() throws {
        var block = try HistoryBlock(run: run.id, input: ["question"], output: ["answer"])
        block.contents = [StoredContent(digest: digest, bytes: [1, 2, 3])]
        history = HistoryAppend(block, to: "session")
    }

    private func end(expecting count: Int = 1) throws -> RunCommit {
        let ended = run.with(.completed)
        return RunCommit(
            run: run.id, expecting: count, events: [try EncodedEvent(.runCompleted(ended))],
            snapshot: try RunSnapshot(ended, eventCount: count + 1), owner: owner, history: history)
    }

    private func entryCount(of session: SessionID = "session") throws -> Int {
        try storage.storedHistory(of: session, from: 0, limit: nil).total
    }

    @Test("The block and its contents are stored, though the session was never saved")
    func appended() throws {
        try storage.commit(.creating(run, owner: owner))
        try storage.commit(end())
        #expect(try storage.storedHistory(of: "session", from: 0, limit: nil).items == history.block.entries)
        let keys = [ContentKey(.session("session"), digest), ContentKey(.run(run.id), digest)]
        #expect(try storage.contents(keys) == [[1, 2, 3], nil])
    }

    @Test("The commit that creates a run can have a block as well")
    func created() throws {
        var commit = try RunCommit.creating(run.with(.completed), owner: owner)
        commit.history = history
        try storage.commit(commit)
        #expect(try entryCount() == 2)
    }

    @Test("A repeated commit does not append its block again, even if the session was deleted in between")
    func repeated() throws {
        try storage.commit(.creating(run, owner: owner))
        try storage.commit(end())
        try storage.commit(end())
        #expect(try entryCount() == 2)
        try storage.deleteSession("session" as SessionID)
        try storage.commit(end())
        #expect(try entryCount() == 0)
    }

    @Test("A block whose key the history has already is skipped, and the rest of the commit is stored")
    func known() throws {
        let other = try HistoryBlock(key: history.block.key, entries: [.link("https://example.com/message")])
        try storage.append([other], to: "session")
        try storage.commit(.creating(run, owner: owner))
        try storage.commit(end())
        #expect(try storage.storedHistory(of: "session", from: 0, limit: nil).items == other.entries)
        #expect(try storage.contents([ContentKey(.session("session"), digest)]) == [nil])
        #expect(try storage.record(of: run.id)?.snapshot.status == .completed)
    }

    @Test(
        "A refused commit leaves nothing in the history",
        arguments: [StorageError.Code.fenced, .conflict, .notFound, .full])
    func refused(code: StorageError.Code) throws {
        var commit = try end()
        switch code {
        case .fenced:
            try storage.commit(.creating(run, owner: RunOwner(process: ProcessID())))
        case .conflict:
            try storage.commit(.creating(run, owner: owner))
            commit = try end(expecting: 5)
        case .full:
            for _ in 0..<2 { try storage.commit(.creating(Run(agentName: "agent"))) }
            commit = try .creating(run, owner: owner)
            commit.history = history
        default:
            break
        }
        #expect(#expect(throws: StorageError.self) { try storage.commit(commit) }?.code == code)
        #expect(try entryCount() == 0)
        #expect(storage.footprint["sessions"] == 0)
    }

    @Test("A block of a commit counts as a use of the session")
    func use() throws {
        let clock = ManualClock()
        let storage = MemoryStorage(.init(timeToLive: .seconds(10)), now: clock.now)
        try storage.save(SessionRecord(id: "session"), expecting: nil)
        try storage.commit(.creating(run, owner: owner))
        clock.advance(by: .seconds(6))
        try storage.commit(end())
        clock.advance(by: .seconds(6))
        #expect(try storage.session("session") != nil)
        clock.advance(by: .seconds(4))
        #expect(try storage.session("session") == nil)
    }
}
