// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@testable import ACPPostgres

@Suite("PostgreSQL URLs")
struct PostgresURLTests {
    private func entries(_ url: String) throws -> [String: String] {
        let parameters = try ConnectionParameters(PostgresStorage.Configuration(url: url))
        return Dictionary(parameters.entries.map { ($0.name, $0.value) }) { _, last in last }
    }

    @Test(
        "The scheme is case-insensitive, and white space around a URL is ignored",
        arguments: [
            "postgres://db.example/runs", "POSTGRES://db.example/runs", "PostgreSQL://db.example/runs\n",
            " postgresql://db.example/runs \r\n",
        ])
    func schemes(url: String) throws {
        let entries = try entries(url)
        #expect(entries["host"] == "db.example" && entries["dbname"] == "runs")
    }

    @Test(
        "An IPv6 address is in brackets, with or without a zone",
        arguments: [
            ("postgres://[::1]:1/x", "::1"), ("postgres://[fe80::1%eth0]/x", "fe80::1%eth0"),
            ("postgres://[fe80::1%25eth0]/x", "fe80::1%eth0"),
            ("postgres://u:p%40ss%25@[fe80::1%eth0]/x", "fe80::1%eth0"),
        ])
    func addresses(url: String, host: String) throws {
        #expect(try entries(url)["host"] == host)
        if url.contains("@") { #expect(try entries(url)["password"] == "p@ss%") }
    }

    @Test("The storage's own parameters take precedence and are not passed to libpq")
    func ownParameters() throws {
        var configuration = PostgresStorage.Configuration(
            url: "postgres://h/x?prepared_statements=no&sslmode=disable&startup_options=off")
        var parameters = try ConnectionParameters(configuration)
        #expect(!parameters.preparesStatements)
        #expect(!parameters.entries.contains { $0.name == "options" })
        #expect(parameters.entries.contains { $0.name == "sslmode" && $0.value == "disable" })
        configuration.url = "postgres://h/x?startup_options=yes"
        configuration.sendsStartupOptions = false
        configuration.preparesStatements = false
        parameters = try ConnectionParameters(configuration)
        #expect(!parameters.preparesStatements)
        #expect(parameters.entries.contains { $0.name == "options" && $0.value.contains("statement_timeout") })
        configuration.url = "postgres://h/x?options=-csearch_path%3Dagents"
        parameters = try ConnectionParameters(configuration)
        #expect(parameters.entries.last { $0.name == "options" }?.value == "-csearch_path=agents")
        let error = #expect(throws: StorageError.self) {
            try ConnectionParameters(PostgresStorage.Configuration(url: "postgres://h/x?prepared_statements=perhaps"))
        }
        #expect(error?.message == "the parameter prepared_statements of the PostgreSQL URL must be yes or no")
    }
}

@Suite("Connection poolers")
struct PoolerTests {
    @Test("A pooler that rejects start-up options is reported with a remedy, which works")
    func sessionMode() async throws {
        try await withPooler { url in
            let error = await #expect(throws: StorageError.self) {
                try await withStorage(PostgresStorage.Configuration(url: url)) { _ = try await $0.ping() }
            }
            #expect(error?.code == .refused)
            #expect(error?.message.contains("unsupported startup parameter") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("add startup_options=no to the URL") == true)
            try await withStorage(PostgresStorage.Configuration(url: url + "?startup_options=no")) { storage in
                var writer = try await Writer.create(on: storage)
                for number in 0..<5 { try await writer.write("\(number)") }
                try await writer.complete()
                #expect(try await storage.events(of: writer.run.id, from: 0, limit: nil) == writer.events)
            }
        }
    }

    @Test("A pooler that shares connections works with the documented parameters")
    func transactionMode() async throws {
        try await withPooler(mode: "transaction", poolSize: 2) { url in
            var first = PostgresStorage.Configuration(url: url + "?startup_options=no&prepared_statements=no")
            first.maximumConnections = 4
            try await withStorage(first) { storage in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            var writer = try await Writer.create(on: storage)
                            for number in 0..<5 { try await writer.write("\(number)") }
                            #expect(try await storage.events(of: writer.run.id, from: 0, limit: nil) == writer.events)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    private func withPooler(
        mode: String = "session", poolSize: Int = 20, _ body: (String) async throws -> Void
    ) async throws {
        let server = try await SharedServer.shared.server
        let database = try await SharedServer.shared.makeDatabase()
        let pooler = try await Pooler.start(before: server.port, mode: mode, poolSize: poolSize)
        do {
            try await body("postgresql://tester@127.0.0.1:\(pooler.port)/\(database)")
        } catch {
            pooler.stop()
            throw error
        }
        pooler.stop()
    }
}
