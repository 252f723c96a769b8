// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import ACPCore
import ACPPostgres
import ACPStorage
import Testing

@Suite("PostgreSQL errors")
struct ErrorTests {
    private static let secret = PostgresTestServer.password

    private func expect(
        _ url: String, _ code: StorageError.Code, containing words: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let error = await storageError {
            try await withStorage(PostgresStorage.Configuration(url: url)) { _ = try await $0.ping() }
        }
        let found = try #require(error, sourceLocation: sourceLocation)
        #expect(found.code == code, "\(found)", sourceLocation: sourceLocation)
        for word in words { #expect(found.message.contains(word), "\(found)", sourceLocation: sourceLocation) }
        #expect(!"\(found)".contains(Self.secret), sourceLocation: sourceLocation)
    }

    private static func withGuardedRole(_ server: PostgresTestServer) throws {
        try server.sql(
            """
            DO $$ BEGIN
                CREATE ROLE guarded LOGIN PASSWORD '\(secret)';
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
            """)
    }

    @Test("A wrong or missing password is reported with the remedy")
    func password() async throws {
        let server = try await SharedServer.shared.server
        try Self.withGuardedRole(server)
        let wrong = server.url(user: "guarded", password: Self.secret + "x")
        try await expect(
            wrong, .refused, containing: ["password authentication failed", "Check the user and the password"])
        try await expect(server.url(user: "guarded"), .refused, containing: ["no password supplied", "PGPASSWORD"])
        // The right one is accepted, whatever follows.
        var configuration = PostgresStorage.Configuration(
            url: server.url(user: "guarded", password: Self.secret, database: "template1"))
        configuration.skipsMigrations = true
        let error = await storageError { try await withStorage(configuration) { _ = try await $0.ping() } }
        #expect(error?.message.contains("skipsMigrations") == true, "\(String(describing: error))")
    }

    @Test("A database or role that does not exist is reported with the remedy")
    func unknown() async throws {
        let server = try await SharedServer.shared.server
        try await expect(
            server.url(user: "tester", password: Self.secret, database: "nowhere"), .refused,
            containing: ["\"nowhere\" does not exist", "createdb"])
        try await expect(
            server.url(user: "nobody-at-all", password: Self.secret), .refused,
            containing: ["does not exist", "createuser"])
    }

    @Test("A server that is not running is reported with its address")
    func refused() async throws {
        let port = try FreePort.find()
        let url = "postgresql://someone:\(Self.secret)@127.0.0.1:\(port)/db"
        try await expect(url, .cannotConnect, containing: ["refused", "Is the server running", "127.0.0.1:\(port)"])
    }

    @Test(
        "A URL that libpq cannot read is reported without its password",
        arguments: [
            "postgresql://a:\(secret)%zz@host/db", "postgresql://a:\(secret)@host:5432/db?no_such_thing=\(secret)",
            "http://a:\(secret)@host", "postgresql://a:\(secret)@[::1/db", "password='\(secret)",
        ])
    func url(_ url: String) async throws {
        let error = await storageError { _ = try PostgresStorage(url: url) }
        let found = try #require(error)
        #expect(found.code == .invalidConfiguration)
        #expect(found.message.contains("postgresql://user:password@host"))
        #expect(!"\(found)".contains(Self.secret))
    }

    @Test("A role with read privileges only can read, and the error of a write states the reason")
    func readOnly() async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        let run = Run(agentName: "reader")
        try await withStorage(PostgresStorage.Configuration(url: server.url(user: "tester", database: database))) {
            try await $0.save(run)
        }
        try server.sql(
            "CREATE ROLE onlooker_\(database) LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker_\(database)",
            database: database)
        let url = server.url(user: "onlooker_\(database)", password: Self.secret, database: database)
        try await withStorage(PostgresStorage.Configuration(url: url)) { storage in
            #expect(try await storage.run(run.id) == run)
            let refused = try #require(await storageError { try await storage.save(run) })
            #expect(refused.code == .refused)
            #expect(refused.message.contains("permission denied") && refused.message.contains("GRANT"), "\(refused)")
        }
        let readOnly = server.url(
            user: "tester", password: Self.secret, database: database,
            parameters: "options=-cdefault_transaction_read_only%3Don")
        try await withStorage(PostgresStorage.Configuration(url: readOnly)) { storage in
            #expect(try await storage.run(run.id) == run)
            let refused = try #require(await storageError { try await storage.save(run) })
            #expect(refused.code == .refused)
            #expect(refused.message.contains("target_session_attrs"), "\(refused)")
            #expect(!"\(refused)".contains(Self.secret))
        }
    }

    @Test("TLS is checked as the URL requires, and its absence is reported")
    func tls() async throws {
        let server = try await PostgresTestServer.start(tls: true)
        let checked = server.url(
            user: "tester", parameters: "sslmode=verify-full&sslrootcert=\(server.authority)")
        try await withStorage(PostgresStorage.Configuration(url: checked)) { storage in
            _ = try await storage.ping()
            let encrypted = try server.sql(
                """
                SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                WHERE application_name = 'simple-acp'
                """)
            #expect(encrypted == "t")
            var writer = try await Writer.create(on: storage)
            try await writer.write(String(repeating: "long ", count: 200_000))
            #expect(try await storage.events(of: writer.run.id, from: 0, limit: nil) == writer.events)
        }
        let strange = server.url(
            user: "tester", password: Self.secret, parameters: "sslmode=verify-full&sslrootcert=/nowhere/root.crt")
        try await expect(strange, .refused, containing: ["root certificate", "sslmode"])
        server.stop()
        let plain = try await SharedServer.shared.server
        try await expect(
            plain.url(user: "tester", password: Self.secret, parameters: "sslmode=require"), .refused,
            containing: ["does not support SSL", "sslmode"])
    }

    @Test("A server that accepts connections without responding causes an error within the time limit")
    func silent() async throws {
        let proxy = try await FaultProxy.start(to: try await SharedServer.shared.server.port)
        proxy.mode = .blackhole
        var configuration = PostgresStorage.Configuration(
            url: "postgresql://tester:\(Self.secret)@127.0.0.1:\(proxy.port)/db")
        configuration.poolTimeout = .milliseconds(300)
        configuration.connectTimeout = .seconds(2)
        let error = await storageError { try await withStorage(configuration) { _ = try await $0.ping() } }
        #expect(error?.code == .cannotConnect)
        #expect(error?.message.contains("in time") == true, "\(String(describing: error))")
        #expect(!"\(String(describing: error))".contains(Self.secret))
        await proxy.stop()
    }

    @Test("A configuration from fields works like a URL, whatever characters the password contains")
    func fields() async throws {
        let server = try await SharedServer.shared.server
        try server.sql("CREATE ROLE fielded LOGIN SUPERUSER")
        let database = try await SharedServer.shared.makeDatabase()
        let configuration = PostgresStorage.Configuration(
            host: "127.0.0.1", port: server.port, database: database, user: "fielded", password: #"it's \ a 'secret'"#,
            sslMode: "prefer")
        let time = try await withStorage(configuration) { try await $0.ping() }
        #expect(time >= .zero)
    }
}
