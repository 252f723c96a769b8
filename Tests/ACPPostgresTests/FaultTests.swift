// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import ACPCore
import ACPStorage
import Logging
import Synchronization
import Testing

@testable import ACPPostgres

@Suite("Faults of servers, networks and callers")
struct FaultTests {
    private static func configuration(_ url: String, connections: Int = 4) -> PostgresStorage.Configuration {
        var configuration = PostgresStorage.Configuration(url: url)
        configuration.maximumConnections = connections
        configuration.maximumBackoff = .milliseconds(100)
        return configuration
    }

    @Test(
        "After a kill of the server under load, every acknowledged event is stored once, and the storage continues",
        .timeLimit(.minutes(5)))
    func killed() async throws {
        let server = try await PostgresTestServer.start()
        let storage = try PostgresStorage(Self.configuration(server.url))
        let writers = 6
        let kills = 3
        let round = Counter()
        try await withThrowingTaskGroup(of: Writer.self) { group in
            for _ in 0..<writers {
                group.addTask {
                    var writer = Writer(on: storage)
                    try await Self.persist {
                        try await storage.commit($0)
                    } commit: {
                        try writer.next([.runCreated(writer.run)], snapshot: true)
                    }
                    // Until some time after the last restart.
                    var left = 20
                    while left > 0 {
                        if round.value >= kills { left -= 1 }
                        let text = "part \(writer.events.count)"
                        let snapshot = writer.events.count.isMultiple(of: 10)
                        try await Self.persist {
                            try await storage.commit($0)
                        } commit: {
                            try writer.next([.messagePart(.text(text))], snapshot: snapshot)
                        }
                    }
                    return writer
                }
            }
            for number in 1...kills {
                let total = try await storage.runs(RunQuery()).total
                #expect(total <= writers)
                let before = try await Self.eventCount(storage)
                // Some more commits between two kills.
                #expect(try await poll(for: .seconds(30)) { try await Self.eventCount(storage) > before + 20 })
                try await server.restart()
                round.value = number
            }
            for try await writer in group {
                let found = try await storage.events(of: writer.run.id, from: 0, limit: nil)
                #expect(found == writer.events)
                #expect(try await storage.run(writer.run.id) == writer.run)
            }
        }
        #expect(try await storage.runs(RunQuery()).total == writers)
        await storage.close()
        server.stop()
    }

    /// Repeats one and the same commit until it is acknowledged, as the run engine does.
    private static func persist(
        _ send: (RunCommit) async throws -> Void, commit make: () throws -> RunCommit
    ) async throws {
        let commit = try make()
        let end = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await send(commit)
            } catch let error as StorageError where error.isTransient && ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private static func eventCount(_ storage: PostgresStorage) async throws -> Int {
        do {
            let runs = try await storage.runs(RunQuery(limit: 100)).items
            var count = 0
            for run in runs { count += try await storage.eventCount(of: run.id) }
            return count
        } catch let error as StorageError where error.isTransient {
            return 0
        }
    }

    @Test(
        "After a restart of the server, a follower and an owner are notified of a gap and receive notifications again")
    func listening() async throws {
        let server = try await PostgresTestServer.start()
        let storage = try PostgresStorage(Self.configuration(server.url))
        let other = try PostgresStorage(Self.configuration(server.url))
        var writer = try await Writer.create(on: other)
        let run = writer.run.id
        let changes = try await storage.coordination.changes(of: run)
        let announcements = try await storage.coordination.announcements(to: writer.owner.process)
        try await server.restart()
        // Notifications that were missed meanwhile are reported as a gap.
        var heard = announcements.makeAsyncIterator()
        var found = await heard.next()
        #expect(found == .gap)
        var woken = changes.makeAsyncIterator()
        await woken.next()
        let commit = try writer.next([.messagePart(.text("one"))])
        try await Self.persist({ try await other.commit($0) }, commit: { commit })
        await woken.next()
        #expect(try await storage.eventCount(of: run) == 2)
        try await other.coordination.send(.cancel, to: run)
        found = await heard.next()
        #expect(found == .signal(run))
        await storage.close()
        await other.close()
        server.stop()
    }

    @Test("The listening connection is checked periodically, and remains the same")
    func signsOfLife() async throws {
        let server = try await SharedServer.shared.server
        let name = try await SharedServer.shared.makeDatabase()
        let database = try PostgresDatabase(
            Self.configuration(server.url(user: "tester", database: name)), logger: Logger(label: "test"))
        let listener = Listener(database, WatchRegistry(), checkInterval: .milliseconds(20))
        try await listener.start()
        let question = """
            SELECT pid || ' ' || state_change FROM pg_stat_activity
            WHERE datname = '\(name)' AND query = 'SELECT 1::bigint'
            """
        var answers: Set<String> = []
        let isAsked = try await poll {
            let answer = try server.sql(question)
            if !answer.isEmpty { answers.insert(answer) }
            return answers.count >= 4
        }
        #expect(isAsked)
        #expect(Set(answers.map { $0.prefix { $0 != " " } }).count == 1)
        await listener.end()
        await database.close()
    }

    @Test("A commit whose response is lost is repeated by the storage and stored once")
    func lostResponse() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        let proxy = try await FaultProxy.start(to: server.port)
        let direct = try PostgresStorage(url: server.url(user: "tester", database: database))
        _ = try await direct.ping()
        let storage = try PostgresStorage(
            Self.configuration(
                "postgresql://tester@127.0.0.1:\(proxy.port)/\(database)?sslmode=disable&gssencmode=disable"))
        var writer = try await Writer.create(on: storage)
        for number in 0..<10 {
            proxy.mode = .closeOnReply
            var commit = try writer.next([.messagePart(.text("\(number)"))], snapshot: number.isMultiple(of: 3))
            commit.history = HistoryAppend(try HistoryBlock(link: "https://example.com/\(number)"), to: "session")
            let sent = commit
            async let outcome: Void = storage.commit(sent)
            let expected = writer.events.count
            #expect(try await poll { try await direct.eventCount(of: sent.run) == expected })
            proxy.mode = .forward
            try? await outcome
            try await Self.persist({ try await storage.commit($0) }, commit: { sent })
            #expect(try await direct.events(of: sent.run, from: 0, limit: nil) == writer.events)
            let links = (0...number).map { HistoryEntry.link("https://example.com/\($0)") }
            #expect(try await direct.history(of: "session") == links)
        }
        await storage.close()
        await direct.close()
        await proxy.stop()
    }

    @Test("When all connections are busy, calls wait, and fail after the pool timeout")
    func exhausted() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        var configuration = Self.configuration(server.url(user: "tester", database: database), connections: 2)
        configuration.poolTimeout = .milliseconds(300)
        try await withStorage(configuration) { storage in
            _ = try await storage.ping()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2 {
                    group.addTask { _ = try? await storage.database.read("Sleeping", "SELECT pg_sleep(30)::text") }
                }
                let areBusy = try await poll { try Self.sleepers(server, database) == 2 }
                #expect(areBusy)
                let error = await storageError { _ = try await storage.eventCount(of: RunID()) }
                #expect(error?.code == .timedOut)
                #expect(error?.message.contains("all 2 connections were busy") == true, "\(String(describing: error))")
                group.cancelAll()
            }
            // The callers were cancelled: the server cancelled the statements, and the connections can be used by
            // others.
            #expect(try await poll { try Self.sleepers(server, database) == 0 })
            for _ in 0..<10 { #expect(try await storage.eventCount(of: RunID()) == 0) }
        }
    }

    private static func sleepers(_ server: PostgresTestServer, _ database: String) throws -> Int {
        let sql = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = '\(database)' AND state = 'active' AND query LIKE 'SELECT pg_sleep%'
            """
        return Int(try server.sql(sql)) ?? -1
    }

    @Test("A statement that exceeds the time limit is cancelled by the server, and changes nothing")
    func statementTimeout() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        var configuration = Self.configuration(server.url(user: "tester", database: database))
        // Tables and run are created without the limit: on a busy machine that may take longer.
        let writer = try await withStorage(configuration) { try await Writer.create(on: $0) }
        configuration.statementTimeout = .milliseconds(400)
        try await withStorage(configuration) { storage in
            // Another transaction holds the lock of the row.
            try await withThrowingTaskGroup(of: Void.self) { group in
                let lock = PostgresStorage.Configuration(url: server.url(user: "tester", database: database))
                let holder = try PostgresStorage(lock)
                _ = try await holder.ping()
                group.addTask {
                    _ = try? await holder.database.read(
                        "Holding", "SELECT pg_sleep(30)::text FROM (SELECT 1 FROM acp_runs FOR UPDATE) AS t")
                }
                let isHeld = try await poll { try Self.sleepers(server, database) == 1 }
                #expect(isHeld)
                var late = writer
                let commit = try late.next([.messagePart(.text("late"))])
                let error = await storageError { try await storage.commit(commit) }
                #expect(error?.code == .timedOut)
                #expect(error?.message.contains("statementTimeout") == true, "\(String(describing: error))")
                group.cancelAll()
                try await group.waitForAll()
                await holder.close()
                try await storage.commit(commit)
                #expect(try await storage.events(of: writer.run.id, from: 0, limit: nil) == late.events)
            }
        }
    }

    @Test("A cancelled read ends at once, and a cancelled commit is completed")
    func cancellation() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        try await withStorage(Self.configuration(server.url(user: "tester", database: database), connections: 1)) {
            storage in
            var writer = try await Writer.create(on: storage)
            let reader = Task { try await storage.database.read("Sleeping", "SELECT pg_sleep(60)::text") }
            #expect(try await poll { try Self.sleepers(server, database) == 1 })
            // One more waits for the only connection.
            let waiting = Task { try await storage.eventCount(of: RunID()) }
            waiting.cancel()
            #expect(await storageError { _ = try await waiting.value }?.code == .timedOut)
            reader.cancel()
            #expect(await storageError { _ = try await reader.value }?.code == .timedOut)
            let commit = try writer.next([.messagePart(.text("one"))])
            let commiter = Task {
                while !Task.isCancelled { await Task.yield() }
                try await storage.commit(commit)
            }
            commiter.cancel()
            try await commiter.value
            #expect(try await storage.events(of: writer.run.id, from: 0, limit: nil) == writer.events)
        }
    }

    @Test("Connections that the server closed meanwhile are replaced without failures")
    func terminated() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        try await withStorage(Self.configuration(server.url(user: "tester", database: database))) { storage in
            var writer = try await Writer.create(on: storage)
            for number in 0..<5 {
                try server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(database)'")
                try await writer.write("\(number)")
                #expect(try await storage.events(of: writer.run.id, from: 0, limit: nil) == writer.events)
            }
        }
    }

    @Test("A storage without prepared statements works alike")
    func unprepared() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        var configuration = Self.configuration(server.url(user: "tester", database: database))
        configuration.preparesStatements = false
        try await withStorage(configuration) { storage in
            var writer = try await Writer.create(on: storage)
            for number in 0..<5 { try await writer.write("\(number)") }
            try await writer.complete()
            #expect(try await storage.run(writer.run.id) == writer.run)
            #expect(try await storage.runs(RunQuery(.agent("writer"))).total == 1)
        }
    }

    @Test("A commit is one round trip and one transaction")
    func oneTransaction() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        try await withStorage(Self.configuration(server.url(user: "tester", database: database), connections: 1)) {
            storage in
            var writer = try await Writer.create(on: storage)
            // The transaction that reads the number counts as well.
            let numbers = "SELECT pg_current_xact_id()::text"
            let before = try #require(Int(try server.sql(numbers, database: database)))
            for number in 0..<20 { try await writer.write("\(number)") }
            let after = try #require(Int(try server.sql(numbers, database: database)))
            #expect(after - before >= 21)
            #expect(try server.sql("SELECT count(DISTINCT xmin::text) FROM acp_events", database: database) == "21")
        }
    }

    @Test("A commit and its history block are one transaction: if the block fails, nothing is stored")
    func blockInTheSameTransaction() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        try await withStorage(Self.configuration(server.url(user: "tester", database: database))) { storage in
            let content = StoredContent(digest: ContentDigest(hash: [UInt8](repeating: 7, count: 32)), bytes: [1])
            // With contents of the run, of the block, of both, and without.
            for (number, contents) in [([], []), ([content], []), ([], [content]), ([content], [content])].enumerated()
            {
                let session = SessionID()
                var writer = try await Writer.create(on: storage)
                var commit = try writer.next([.messagePart(.text("the end"))], snapshot: true)
                commit.contents = contents.0
                commit.history = HistoryAppend(
                    try HistoryBlock(key: "end", entries: [.link("https://example.com")], contents: contents.1),
                    to: session
                )
                try server.sql(
                    "ALTER TABLE acp_history ADD CONSTRAINT none CHECK (position < 0) NOT VALID", database: database)
                let error = await storageError { try await storage.commit(commit) }
                #expect(error?.code == .refused)
                #expect(try await storage.eventCount(of: commit.run) == 1)
                #expect(try await storage.deleteSession(session) == false)
                try server.sql("ALTER TABLE acp_history DROP CONSTRAINT none", database: database)
                try await storage.commit(commit)
                #expect(try await storage.events(of: commit.run, from: 0, limit: nil) == writer.events)
                #expect(try await storage.history(of: session).count == 1)
                let transactions = try server.sql(
                    """
                    SELECT count(DISTINCT xmin::text), count(*) FROM (
                        SELECT xmin FROM acp_events WHERE position = 1 AND run = (SELECT max(key) FROM acp_runs)
                        UNION ALL SELECT xmin FROM acp_history WHERE session = (SELECT max(key) FROM acp_sessions)
                    ) AS written
                    """, database: database)
                #expect(transactions == "1|2", "\(number)")
            }
        }
    }
}

/// A counter that tasks share.
final class Counter: Sendable {
    private let number = Mutex(0)

    var value: Int {
        get { number.withLock { $0 } }
        set { number.withLock { $0 = newValue } }
    }
}
