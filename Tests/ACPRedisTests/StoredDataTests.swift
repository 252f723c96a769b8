// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPStorageTesting
import Foundation
import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Data of earlier versions")
struct StoredDataTests {
    /// Commands that create the keys that an earlier version wrote.
    static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("StoredData/redis-1.txt")

    /// Runs a step with a storage and a client on a server of its own.
    private func withServer(
        loading: Bool, _ body: (RedisStorage, RedisClient) async throws -> Void
    ) async throws {
        let server = try await RedisTestServer.start()
        let client = try RedisClient(url: server.url)
        if loading {
            for line in try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n") {
                let words = try QuotedLine.words(String(line))
                let arguments = words.dropFirst().map { RedisArgument.bytes($0.bytes) }
                _ = try await client.send(RedisCommand(words[0].text, arguments: arguments))
                // The time to live that the key had right after it was written.
                _ = try await client.send("PEXPIRE", words[1].text, 86_400_000)
            }
        }
        let storage = try RedisStorage(client: client)
        try await body(storage, client)
        await storage.close()
        await client.close()
        server.stop()
    }

    @Test("All data can be read, and every run continued")
    func continued() async throws {
        try await withServer(loading: true) { storage, _ in
            let fixture = StoredFixture(storage)
            try await fixture.check()
            let lost = try await storage.coordination.lostProcesses()
            #expect(lost.count == 1, "the process that owned the runs has ended")
            try await fixture.continueRuns()
        }
    }

    @Test("An earlier version's runs are listed by their status and the time of its change")
    func statuses() async throws {
        try await withServer(loading: true) { storage, client in
            try await StoredFixture(storage).checkStatuses()
            #expect(try await client.send("ZCARD", "acp:status_runs:storyteller:awaiting").int == 1)
            // The other indexes are as before.
            try await StoredFixture(storage).check()
        }
    }

    @Test("The same data is written in the same bytes as by the earlier version")
    func sameBytes() async throws {
        var (old, new): ([String], [String]) = ([], [])
        try await withServer(loading: true) { _, client in old = try await commands(client, scores: false) }
        try await withServer(loading: false) { storage, client in
            try await StoredFixture(storage).write()
            // The earlier version had no indexes by status.
            new = try await commands(client, scores: false).filter { !$0.contains(#""acp:status_runs:"#) }
        }
        #expect(old.count > 40)
        #expect(old == new)
    }

    /// Returns the commands that create all keys.
    ///
    /// - Parameter scores: Whether times at which something is due are included.
    private func commands(_ client: RedisClient, scores: Bool = true) async throws -> [String] {
        var keys: [String] = []
        for try await key in client.scan() { keys.append(key) }
        var lines: [String] = []
        for key in keys.sorted() {
            let isTimed = key.hasSuffix("runs_expiry") || key.hasSuffix("processes") || key.contains("process_runs")
            let words: [[UInt8]]
            switch try await client.send("TYPE", key).string {
            case "string":
                // A process that has ended has none.
                guard !key.hasPrefix("acp:process:") else { continue }
                words = [Array("SET".utf8), Array(key.utf8), try await client.send("GET", key).bytes ?? []]
            case "list":
                let values = try await client.send("LRANGE", key, 0, -1).array ?? []
                words = [Array("RPUSH".utf8), Array(key.utf8)] + values.compactMap(\.bytes)
            case "hash":
                let pairs = try await client.send("HGETALL", key).pairs ?? []
                var fields: [[UInt8]] = []
                for pair in pairs.sorted(by: { ($0.key.string ?? "") < ($1.key.string ?? "") }) {
                    fields += [pair.key.bytes ?? [], pair.value.bytes ?? []]
                }
                words = [Array("HSET".utf8), Array(key.utf8)] + fields
            case "set":
                let members = (try await client.send("SMEMBERS", key).array ?? []).compactMap(\.string).sorted()
                words = [Array("SADD".utf8), Array(key.utf8)] + members.map { Array($0.utf8) }
            case "zset":
                let members = (try await client.send("ZRANGE", key, 0, -1).array ?? []).compactMap(\.string)
                var pairs: [[UInt8]] = []
                for member in members.sorted() {
                    let score = try await client.send("ZSCORE", key, member)
                    let text = score.string ?? score.double.map { String(Int64($0)) } ?? ""
                    pairs += [Array((isTimed && !scores ? "0" : text).utf8), Array(member.utf8)]
                }
                words = [Array("ZADD".utf8), Array(key.utf8)] + pairs
            case let type: throw SetupError(description: "\(key) is a \(type ?? "?")")
            }
            lines.append(words.map(QuotedLine.quoted).joined(separator: " "))
        }
        return lines
    }

    /// Not a test: writes the file again.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["ACP_WRITE_STORED_DATA"] != nil))
    func write() async throws {
        try await withServer(loading: false) { storage, client in
            try await StoredFixture(storage).write()
            let text = try await commands(client).joined(separator: "\n") + "\n"
            try Data(text.utf8).write(to: Self.file)
        }
    }
}

private struct SetupError: Error { let description: String }

/// Returns words in double quotes, with everything but printable ASCII escaped, as redis-cli prints and reads them.
private enum QuotedLine {
    struct Word {
        var bytes: [UInt8] = []
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    static func quoted(_ bytes: [UInt8]) -> String {
        var text = "\""
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
            case 32..<127: text.unicodeScalars.append(UnicodeScalar(byte))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text + "\""
    }

    static func words(_ line: String) throws -> [Word] {
        var words: [Word] = []
        var rest = Array(line.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: " ") { continue }
            guard byte == UInt8(ascii: "\"") else { throw SetupError(description: "no quote: \(line)") }
            var word = Word()
            while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
                    word.bytes.append(byte)
                    continue
                }
                guard escaped == UInt8(ascii: "x") else {
                    word.bytes.append(escaped)
                    continue
                }
                word.bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            }
            words.append(word)
        }
        return words
    }
}
