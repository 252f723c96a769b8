// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@Suite("Identifiers")
struct IdentifierTests {
    static let valid = [
        "a", "0", "session-123", "A.b_c~d-e", "...", ".a", "-", "~", "44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10",
        String(repeating: "x", count: 128),
    ]

    static let invalid = [
        "", ".", "..", " ", "a b", "a/b", "a%20b", "a?b", "a#b", "a:b", "a{b}", "a\u{0}", "a\n", "é", "日本", "ａ",
        "a\u{301}",
        "🙂", "a*", "a\\b", String(repeating: "x", count: 129),
    ]

    @Suite("Runs and sessions")
    struct RunsAndSessions {
        @Test("An opaque id of 1 to 128 unreserved characters is kept unchanged", arguments: IdentifierTests.valid)
        func accepted(text: String) throws {
            #expect(RunID(rawValue: text)?.rawValue == text)
            #expect(SessionID(rawValue: text)?.description == text)
            #expect(try RunID(validating: text).rawValue == text)
            #expect(try decode([SessionID].self, encode([text])) == [SessionID(validating: text)])
        }

        @Test("Any other id is rejected", arguments: IdentifierTests.invalid)
        func refused(text: String) throws {
            #expect(RunID(rawValue: text) == nil)
            #expect(SessionID(rawValue: text) == nil)
            let error = try #require(throws: ACPError.self) { try SessionID(validating: text) }
            #expect(error.code == .invalidInput)
            #expect(error.message.hasSuffix("is not a valid session id (1 to 128 characters of A-Z a-z 0-9 . _ ~ -)"))
            #expect(refusal([RunID].self, try encode([text]))?.message.hasPrefix("[0]: ") == true)
        }

        @Test("A UUID is converted to lower case, so that both spellings name the same run")
        func canonicalUUID() throws {
            let upper = "44E480BC-7E0D-4A0C-A6A0-1D0C3A1A7A10"
            #expect(RunID(rawValue: upper) == Fixture.runID)
            #expect(SessionID(rawValue: upper)?.rawValue == upper.lowercased())
            #expect(try decode([RunID].self, #"["\#(upper)"]"#) == [Fixture.runID])
        }

        @Test(
            "Text that only resembles a UUID keeps its case",
            arguments: [
                "44E480BC7E0D4A0CA6A01D0C3A1A7A10", "44E480BC-7E0D-4A0C-A6A0-1D0C3A1A7A1G",
                "44E480BC_7E0D_4A0C_A6A0_1D0C3A1A7A10", "44E480B-C7E0D-4A0C-A6A0-1D0C3A1A7A10", "SESSION-123",
            ])
        func notUUID(text: String) {
            #expect(RunID(rawValue: text)?.rawValue == text)
        }

        @Test("A new id is a random UUID in lower case")
        func fresh() {
            let ids = (0..<100).map { _ in RunID().rawValue } + (0..<100).map { _ in SessionID().rawValue }
            #expect(Set(ids).count == 200)
            for id in ids {
                #expect(id.count == 36 && id == id.lowercased() && Array(id)[14] == "4", "\(id)")
            }
        }

        @Test("Ids are sorted by their text")
        func ordered() {
            #expect(RunID(rawValue: "a")! < RunID(rawValue: "b")!)
        }
    }

    @Suite("Agent names")
    struct AgentNames {
        @Test(
            "Up to 63 letters, digits, - and _ are accepted",
            arguments: [
                "a", "echo", "text-summarizer", "my_agent", "Agent", "0", "-", String(repeating: "n", count: 63),
            ])
        func accepted(text: String) {
            #expect(AgentName(rawValue: text)?.rawValue == text)
        }

        @Test(
            "Other names are rejected",
            arguments: [
                "", ".", "a.b", "a b", "a/b", "ä", "a\u{301}", "агент", "a\n", String(repeating: "n", count: 64),
            ])
        func refused(text: String) throws {
            #expect(AgentName(rawValue: text) == nil)
            let error = try #require(throws: ACPError.self) { try AgentName(validating: text) }
            #expect(error.message.hasSuffix("is not a valid agent name (1 to 63 characters of A-Z a-z 0-9 - _)"))
        }

        @Test("A very long name is truncated in the error message")
        func cut() throws {
            let text = String(repeating: "n", count: 100_000)
            #expect(try #require(throws: ACPError.self) { try AgentName(validating: text) }.message.utf8.count < 300)
        }
    }

    @Suite("Principals")
    struct Principals {
        @Test(
            "Up to 255 bytes of printable characters are accepted as they are",
            arguments: [
                "a", "Ada", "ada@example.com", "CN=Ada Lovelace,O=Example", "auth0|12", "{a}", " ", "Ä", "агент", "🦊",
                String(repeating: "n", count: 255), "e\u{301}", "\u{E9}",
            ])
        func accepted(text: String) throws {
            let principal = try #require(PrincipalID(rawValue: text))
            #expect(principal.rawValue.utf8.elementsEqual(text.utf8))
            #expect(try roundTrip(principal) == principal)
        }

        @Test(
            "Control characters, line breaks and other lengths are rejected",
            arguments: [
                "", "a\n", "\0", "\u{1B}[31m", "\u{7F}", "\u{85}", "\u{2028}", "a\u{2029}b",
                String(repeating: "n", count: 256), String(repeating: "ä", count: 128),
            ])
        func refused(text: String) throws {
            #expect(PrincipalID(rawValue: text) == nil)
            let error = try #require(throws: ACPError.self) { try PrincipalID(validating: text) }
            #expect(error.message.hasSuffix("is not a valid principal (1 to 255 bytes of printable characters)"))
        }

        @Test("Principals are equal if their bytes are")
        func equality() {
            #expect("Ada" as PrincipalID == "Ada")
            #expect("Ada" as PrincipalID != "ada")
            #expect("\u{E9}" as PrincipalID != "e\u{301}")
            #expect(Set(["\u{E9}", "e\u{301}", "\u{E9}"] as [PrincipalID]).count == 2)
        }
    }

    @Suite("Roles")
    struct Roles {
        @Test(
            "A role is user, agent or agent/NAME",
            arguments: [
                ("user", .user), ("agent", .agent(nil)), ("agent/echo", .agent("echo")),
                ("agent/my_agent-2", .agent("my_agent-2")),
            ] as [(String, Message.Role)])
        func accepted(text: String, role: Message.Role) throws {
            #expect(Message.Role(rawValue: text) == role)
            #expect(role.rawValue == text)
            #expect(try encode([role]) == #"["\#(text)"]"#)
            #expect(try roundTrip(role) == role)
        }

        @Test(
            "Other roles are rejected",
            arguments: [
                "", "User", "system", "assistant", "agent/", "agent/a/b", "agent/a b", "agents", "user/a", " user",
            ])
        func refused(text: String) {
            #expect(Message.Role(rawValue: text) == nil)
            #expect(
                refusal([Message.Role].self, #"["\#(text)"]"#)?.message
                    == #"[0]: "\#(text)" is not a role: user, agent or agent/NAME is expected"#)
        }
    }
}
