// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPTestSupport
import Testing

@testable import ACPPostgres

@Suite("Commits of several runs in one transaction")
struct CommitQueueTests {
    @Test("Commits that wait at the same moment are one transaction, and each has its own outcome")
    func mixedOutcomes() async throws {
        let fixture = try await Fixture()
        var writers: [Writer] = []
        for _ in 0..<8 { writers.append(try await Writer.create(on: fixture.storage)) }
        var commits: [RunCommit] = []
        for index in writers.indices { commits.append(try writers[index].next([.messagePart(.text("one"))])) }
        commits[1].owner = RunOwner(process: ProcessID())
        commits[3].expecting = 7
        commits[5].run = RunID()
        let watched = try await fixture.other.coordination.changes(of: commits[7].run)
        let results = try await fixture.together(commits)
        let codes = results.map { $0?.code }
        #expect(codes == [nil, .fenced, nil, .conflict, nil, .notFound, nil, nil])
        for index in [0, 2, 4, 6, 7] {
            let found = try await fixture.storage.events(of: writers[index].run.id, from: 0, limit: nil)
            #expect(found == writers[index].events)
        }
        for index in [1, 3, 5] { #expect(try await fixture.storage.eventCount(of: writers[index].run.id) == 1) }
        #expect(try fixture.transactions() == 1)
        // Watchers in other processes are notified.
        var woken = watched.makeAsyncIterator()
        await woken.next()
        await fixture.close()
    }

    @Test("A commit that the server refuses with an error fails alone")
    func refused() async throws {
        let fixture = try await Fixture()
        var commits: [RunCommit] = []
        for number in 0..<6 {
            var writer = try await Writer.create(on: fixture.storage)
            commits.append(try writer.next([.messagePart(.text(number == 3 ? "poison" : "food"))]))
        }
        try fixture.sql(
            """
            ALTER TABLE acp_events ADD CONSTRAINT edible CHECK (position('poison'::bytea IN event) = 0) NOT VALID
            """)
        let results = try await fixture.together(commits)
        #expect(results.map { $0?.code } == [nil, nil, nil, .refused, nil, nil])
        #expect(results[3]?.message.contains("edible") == true)
        for (number, commit) in commits.enumerated() {
            #expect(try await fixture.storage.eventCount(of: commit.run) == (number == 3 ? 1 : 2))
        }
        await fixture.close()
    }

    @Test("A commit to a run whose row another transaction locks does not keep others waiting")
    func locked() async throws {
        let fixture = try await Fixture()
        var writers: [Writer] = []
        for _ in 0..<5 { writers.append(try await Writer.create(on: fixture.storage)) }
        var commits: [RunCommit] = []
        for index in writers.indices { commits.append(try writers[index].next([.messagePart(.text("one"))])) }
        let hold = try await fixture.hold(commits[2].run)
        let tasks = try await fixture.start(commits)
        for (number, task) in tasks.enumerated() where number != 2 { #expect(await task.value == nil) }
        #expect(try await fixture.storage.eventCount(of: commits[2].run) == 1)
        hold.cancel()
        #expect(await tasks[2].value == nil)
        #expect(try await fixture.storage.eventCount(of: commits[2].run) == 2)
        await fixture.close()
    }

    @Test("If the response to several commits is lost, the outcome of each is unknown, and repeating them is safe")
    func lostResponse() async throws {
        let fixture = try await Fixture(throughProxy: true)
        let proxy = try #require(fixture.proxy)
        // A commit with this text waits until the gate is open.
        try fixture.sql(
            """
            CREATE TABLE gate (is_open boolean);
            GRANT SELECT ON gate TO PUBLIC;
            CREATE FUNCTION wait_for_gate() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN
                WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP;
                RETURN NEW;
            END $body$;
            CREATE TRIGGER gate BEFORE INSERT ON acp_events FOR EACH ROW
                WHEN (position('gated'::bytea IN NEW.event) > 0) EXECUTE FUNCTION wait_for_gate();
            """)
        var writers: [Writer] = []
        var commits: [RunCommit] = []
        for number in 0..<6 {
            var writer = try await Writer.create(on: fixture.storage)
            commits.append(try writer.next([.messagePart(.text(number == 3 ? "gated" : "free"))], snapshot: true))
            writers.append(writer)
        }
        let tasks = try await fixture.start(commits)
        let waits = """
            SELECT count(*) FROM pg_stat_activity WHERE datname = '\(fixture.database)' AND wait_event = 'PgSleep'
            AND query LIKE '%acp_write_run%'
            """
        #expect(try await poll { try fixture.sql(waits) == "1" })
        proxy.mode = .closeOnReply
        try fixture.sql("INSERT INTO gate VALUES (true)")
        for task in tasks { #expect(await task.value?.code == .outcomeUnknown) }
        #expect(try fixture.transactions() == 1, "it was stored nevertheless")
        proxy.mode = .forward
        for (commit, writer) in zip(commits, writers) {
            #expect(
                try await poll {
                    do {
                        try await fixture.storage.commit(commit)
                        return true
                    } catch let error as StorageError where error.isTransient {
                        return false
                    }
                })
            #expect(try await fixture.other.events(of: commit.run, from: 0, limit: nil) == writer.events)
        }
        await fixture.close()
    }

    @Test("A waiting commit is completed if its caller is cancelled")
    func cancelled() async throws {
        let fixture = try await Fixture()
        var commits: [RunCommit] = []
        for _ in 0..<3 {
            var writer = try await Writer.create(on: fixture.storage)
            commits.append(try writer.next([.messagePart(.text("one"))]))
        }
        let tasks = try await fixture.start(commits) { tasks in
            for task in tasks { task.cancel() }
        }
        for (commit, task) in zip(commits, tasks) {
            #expect(await task.value == nil)
            #expect(try await fixture.storage.eventCount(of: commit.run) == 2)
        }
        await fixture.close()
    }

    @Test("Closing the storage fails waiting commits, and completes those in flight")
    func closed() async throws {
        let fixture = try await Fixture()
        var commits: [RunCommit] = []
        for _ in 0..<3 {
            var writer = try await Writer.create(on: fixture.storage)
            commits.append(try writer.next([.messagePart(.text("one"))]))
        }
        let (storage, waiting) = (fixture.storage, commits)
        let codes = try await fixture.whileBlocked {
            let tasks = try await fixture.startWaiting(waiting)
            let closing = Task { await storage.close() }
            var codes: [StorageError.Code?] = []
            for task in tasks { codes.append(await task.value?.code) }
            return (codes, closing)
        }
        await codes.1.value
        #expect(codes.0 == [.closed, .closed, .closed])
        for commit in commits { #expect(try await fixture.other.eventCount(of: commit.run) == 1) }
        await fixture.close()
    }

    @Test("A commit that waits too long for others fails, and nothing of it is stored")
    func timedOut() async throws {
        let fixture = try await Fixture(poolTimeout: .seconds(2))
        var commits: [RunCommit] = []
        for _ in 0..<3 {
            var writer = try await Writer.create(on: fixture.storage)
            commits.append(try writer.next([.messagePart(.text("one"))]))
        }
        let waiting = commits
        let errors = try await fixture.whileBlocked {
            let tasks = try await fixture.startWaiting(waiting)
            var errors: [StorageError?] = []
            for task in tasks { errors.append(await task.value) }
            return errors
        }
        for (error, commit) in zip(errors, commits) {
            #expect(error?.code == .timedOut)
            #expect(error?.message.contains("\(commit.run)") == true)
            #expect(error?.message.contains("maximumConnections") == true)
            #expect(try await fixture.storage.eventCount(of: commit.run) == 1)
        }
        #expect(fixture.storage.commits.waitingCount == 0)
        await fixture.close()
    }

    @Test("Storages that end runs of the same agents and sessions at the same time do not fail each other")
    func contention() async throws {
        let fixture = try await Fixture()
        let sessions = (0..<3).map { _ in SessionID() }
        let (rounds, writers) = (6, 12)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for storage in [fixture.storage, fixture.other] {
                for number in 0..<writers {
                    group.addTask {
                        for round in 0..<rounds {
                            let agent: AgentName = (number + round).isMultiple(of: 2) ? "even" : "odd"
                            var writer = try await Writer.create(Run(agentName: agent), on: storage)
                            var ended = writer.run
                            ended.status = round.isMultiple(of: 3) ? .failed : .completed
                            let event = round.isMultiple(of: 3) ? Event.runFailed(ended) : .runCompleted(ended)
                            var commit = try writer.next([event], snapshot: true)
                            commit.history = HistoryAppend(
                                try HistoryBlock(link: "https://example.com/\(writer.run.id)"),
                                to: sessions[(number * 5 + round) % sessions.count])
                            try await storage.commit(commit)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let total = rounds * writers * 2
        var appended = 0
        for session in sessions { appended += try await fixture.other.history(of: session).count }
        #expect(appended == total)
        #expect(try await fixture.other.runs(RunQuery(.all)).total == total)
        await fixture.close()
    }
}

/// A storage with one batch in flight, which can be blocked, and another storage on the same database.
private struct Fixture {
    let server: PostgresTestServer
    let database: String
    let proxy: FaultProxy?
    let storage: PostgresStorage
    let other: PostgresStorage

    init(throughProxy: Bool = false, poolTimeout: Duration = .seconds(60)) async throws {
        server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        self.database = database
        let proxy = throughProxy ? try await FaultProxy.start(to: server.port) : nil
        self.proxy = proxy
        let direct = server.url(user: "tester", database: database)
        func configuration(_ url: String) -> PostgresStorage.Configuration {
            var configuration = PostgresStorage.Configuration(url: url)
            configuration.maximumBackoff = .milliseconds(100)
            configuration.statementTimeout = .seconds(120)
            return configuration
        }
        other = try PostgresStorage(configuration(direct))
        // Creates the tables.
        _ = try await other.ping()
        var narrow = configuration(
            proxy.map {
                "postgresql://tester@127.0.0.1:\($0.port)/\(database)?sslmode=disable&gssencmode=disable"
            } ?? direct)
        narrow.maximumConnections = 3
        narrow.poolTimeout = poolTimeout
        storage = try PostgresStorage(narrow)
        #expect(CommitQueue.limits(connections: 3).batchesInFlight == 1)
    }

    @discardableResult
    func sql(_ text: String) throws -> String { try server.sql(text, database: database) }

    /// Locks the row of a run in another transaction until the task is cancelled.
    func hold(_ run: RunID) async throws -> Task<Void, Never> {
        let other = other
        let task = Task {
            _ = try? await other.database.read(
                "Holding run \(run)",
                """
                SELECT pg_sleep(100)::text FROM (SELECT 1 FROM acp_runs WHERE id = $1::text FOR UPDATE) AS held
                """, [.text(run.rawValue)])
        }
        // The lock is in the row.
        #expect(
            try await poll { try sql("SELECT count(*) FROM acp_runs WHERE xmax <> 0 AND id = '\(run)'") == "1" })
        return task
    }

    /// Performs a step while the only batch in flight waits for the lock of its row.
    func whileBlocked<Value>(_ step: () async throws -> Value) async throws -> Value {
        var writer = try await Writer.create(Run(agentName: "blocker"), on: storage)
        let hold = try await hold(writer.run.id)
        let commit = try writer.next([.messagePart(.text("blocked"))])
        let storage = storage
        let blocked = Task { await storageError { try await storage.commit(commit) } }
        let waits = """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = '\(database)' AND wait_event_type = 'Lock' AND query LIKE '%acp_write_run%'
            """
        #expect(try await poll { try sql(waits) == "1" })
        let value: Value
        do {
            value = try await step()
        } catch {
            hold.cancel()
            throw error
        }
        hold.cancel()
        #expect(await blocked.value == nil)
        return value
    }

    /// Sends commits, which wait for the one in flight.
    func startWaiting(_ commits: [RunCommit]) async throws -> [Task<StorageError?, Never>] {
        let storage = storage
        let tasks = commits.map { commit in Task { await storageError { try await storage.commit(commit) } } }
        #expect(try await poll { storage.commits.waitingCount == commits.count })
        return tasks
    }

    /// Sends commits as one batch.
    func start(
        _ commits: [RunCommit], beforeSending step: ([Task<StorageError?, Never>]) -> Void = { _ in }
    ) async throws -> [Task<StorageError?, Never>] {
        try await whileBlocked {
            let tasks = try await startWaiting(commits)
            step(tasks)
            return tasks
        }
    }

    /// Sends commits as one batch, and returns their errors.
    func together(_ commits: [RunCommit]) async throws -> [StorageError?] {
        var errors: [StorageError?] = []
        for task in try await start(commits) { errors.append(await task.value) }
        return errors
    }

    /// The number of transactions that stored the second events of runs, without that of the blocked run.
    func transactions() throws -> Int? {
        Int(
            try sql(
                """
                SELECT count(DISTINCT acp_events.xmin::text) FROM acp_events JOIN acp_runs ON run = key
                WHERE position = 1 AND agent_name <> 'blocker'
                """))
    }

    func close() async {
        await storage.close()
        await other.close()
        await proxy?.stop()
    }
}
