// SPDX-License-Identifier: Apache-2.0

import Redis
import RedisTestSupport
import Testing

@testable import ACPRedis

@Suite("Scripts and the names of their arguments")
struct ScriptTests {
    enum ThingKey: String, ScriptName {
        case thing
    }

    enum ThingArgument: String, ScriptName {
        case text, number, isThere

        var form: ScriptForm {
            switch self {
            case .text: .text
            case .number: .number
            case .isThere: .flag
            }
        }
    }

    enum OtherArgument: String, ScriptName {
        case first, second
    }

    static let thing = Script<ThingKey, ThingArgument, OtherArgument>(
        [],
        """
        \(OtherArgument.argumentGroup(at: "moreArguments"))
        return {thingKey, KEYS[moreKeys], text, number + 1, isThere and 1 or 0, first, second, ARGV[moreArguments + 2]}
        """)

    @Test("A script reads its keys and arguments by their names")
    func names() async throws {
        let server = try await RedisTestServer.start()
        let client = try RedisClient(url: server.url)
        var request = RedisRequest.script(
            Self.thing, keys: [.thing: "a"], moreKeys: ["b"],
            [.text: "t", .number: 41, .isThere: .flag(true)], [.first: "1", .second: "2"], isIdempotent: true)
        request.append(["3", "4"])
        request.append("5")
        let reply = try await client.execute([request])[0].get()
        #expect(reply.array?.map { $0.string ?? "\($0.int ?? -1)" } == ["a", "b", "t", "42", "1", "3", "4", "5"])
        await client.close()
    }

    @Test("A missing argument is detected at once")
    func missing() async {
        await #expect(processExitsWith: .failure) {
            let values: ScriptValues<ThingArgument, RedisArgument> = [.text: "t", .number: 1]
            _ = values
        }
    }

    @Test("Arguments in the wrong order are detected at once")
    func order() async {
        await #expect(processExitsWith: .failure) {
            let values: ScriptValues<ThingArgument, RedisArgument> = [.text: "t", .isThere: 1, .number: 1]
            _ = values
        }
    }

    @Test("A script publishes with the command for its topology")
    func publishing() {
        for (command, word) in [(PublishCommand.publish, "PUBLISH"), (.shardPublish, "SPUBLISH")] {
            let source = RedisScripts.commit.publishing(by: command).script.source
            #expect(source.contains("local publishCommand = '\(word)'"))
        }
    }

    @Test("Each kind of change and each member has a code of one letter")
    func codes() {
        let kinds = IndexChange.Kind.allCases.map(\.rawValue)
        let members = IndexChange.Member.allCases.map(\.rawValue)
        for codes in [kinds, members] {
            #expect(Set(codes).count == codes.count)
            #expect(codes.allSatisfy { $0.utf8.count == 1 && $0.allSatisfy(\.isLetter) })
        }
    }

    static let scripts: [(name: String, script: RedisScript)] =
        [
            ("appendHistory", RedisScripts.appendHistory.script), ("claim", RedisScripts.claim.script),
            ("claimAlone", RedisScripts.claimAlone.script), ("dequeue", RedisScripts.dequeue.script),
            ("element", RedisScripts.element.script), ("enqueue", RedisScripts.enqueue.script),
            ("forget", RedisScripts.forget.script), ("forgetProcess", RedisScripts.forgetProcess.script),
            ("index", RedisScripts.index.script), ("inspect", RedisScripts.inspect.script),
            ("listProcesses", RedisScripts.listProcesses.script), ("page", RedisScripts.page.script),
            ("prune", RedisScripts.prune.script), ("pruneOwned", RedisScripts.pruneOwned.script),
            ("rank", RedisScripts.rank.script), ("record", RedisScripts.record.script),
            ("statusPage", RedisScripts.statusPage.script), ("removeUnchanged", RedisScripts.removeUnchanged.script),
            ("saveSession", RedisScripts.saveSession.script), ("runState", RedisScripts.runState.script),
            ("isUnchanged", RedisScripts.isUnchanged.script),
            ("recallProcess", RedisScripts.recallProcess.script),
        ]
        + [PublishCommand.publish, .shardPublish].flatMap { command in
            [
                ("announceProcess", RedisScripts.announceProcess.publishing(by: command).script),
                ("append", RedisScripts.append.publishing(by: command).script),
                ("commit", RedisScripts.commit.publishing(by: command).script),
                ("delete", RedisScripts.delete.publishing(by: command).script),
                ("heartbeat", RedisScripts.heartbeat.publishing(by: command).script),
                ("leave", RedisScripts.leave.publishing(by: command).script),
                ("canCommit", RedisScripts.canCommit.publishing(by: command).script),
                ("recordProcess", RedisScripts.recordProcess.publishing(by: command).script),
                ("save", RedisScripts.save.publishing(by: command).script),
                ("send", RedisScripts.send.publishing(by: command).script),
            ]
        }

    @Test("Redis compiles every script")
    func compiled() async throws {
        let server = try await RedisTestServer.start()
        let client = try RedisClient(url: server.url)
        for (name, script) in Self.scripts {
            #expect(try await client.send("SCRIPT", "LOAD", script.source).string == script.sha1, "\(name)")
        }
        await client.close()
    }

    @Test("A script reads no variable that it does not declare, in any branch")
    func variables() {
        let known: Set<String> = ["redis", "string", "math", "tonumber", "ipairs", "unpack", "KEYS", "ARGV"]
        let keywords: Set<String> = [
            "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil",
            "not",
            "or", "repeat", "return", "then", "true", "until", "while",
        ]
        for (name, script) in Self.scripts {
            let code = script.source.replacing(/--[^\n]*|'[^'\n]*'|"[^"\n]*"/, with: "0")
            var declared: Set<String> = []
            let lists =
                code.matches(of: /(?:local|for) (\w+(?:, \w+)*)/).map(\.1)
                + code.matches(of: /function \w+\(([^)]*)\)/).map(\.1) + code.matches(of: /function (\w+)/).map(\.1)
            for list in lists { declared.formUnion(list.matches(of: /\w+/).map { String($0.0) }) }
            // Except for the fields of tables.
            let read = code.replacing(/\.\w+/, with: "").matches(of: /[a-zA-Z_]\w*/).map { String($0.0) }
            let missing = Set(read).subtracting(declared).subtracting(known).subtracting(keywords)
            #expect(missing.isEmpty, "\(name)")
        }
    }

    @Test("A script reads keys and arguments only by their names, or at a computed position")
    func positions() {
        for (name, script) in Self.scripts {
            let rest = script.source.replacing("local firstKey, moreKeys = KEYS[1],", with: "")
            #expect(rest.firstMatch(of: /(?:KEYS|ARGV)\[\d/) == nil, "\(name)")
        }
    }
}
