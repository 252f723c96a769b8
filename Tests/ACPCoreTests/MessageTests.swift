// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@Suite("Messages")
struct MessageTests {
    @Suite("Timestamps of a message")
    struct Timestamps {
        @Test("A missing timestamp means now")
        func missing() throws {
            let before = Timestamp.now
            let message = try decode(Message.self, #"{"role":"user","parts":[]}"#)
            let after = Timestamp.now
            let created = try #require(message.createdAt)
            let completed = try #require(message.completedAt)
            #expect(before <= created && created <= completed && completed <= after)
        }

        @Test("Null means that the time is unknown or the message is open, and is written as null")
        func null() throws {
            let message = try decode(Message.self, #"{"role":"user","parts":[],"created_at":null,"completed_at":null}"#)
            #expect(message.createdAt == nil && message.completedAt == nil && message.isOpen)
            #expect(try tree(message) == ["role": "user", "parts": [], "created_at": nil, "completed_at": nil])
        }

        @Test("An open message is marked as open in its JSON")
        func open() throws {
            #expect(try tree(Fixture.openMessage)["completed_at"] == .null)
            #expect(try encode(Fixture.openMessage).contains(#""completed_at":null"#))
        }
    }

    @Test("A role that is missing or null is the user")
    func defaultRole() throws {
        #expect(try decode(Message.self, #"{"parts":[]}"#).role == .user)
        #expect(try decode(Message.self, #"{"role":null,"parts":[]}"#).role == .user)
    }

    @Test("The text of a message is that of its text parts, without artifacts and other types")
    func text() {
        let message = Message(parts: [
            .text("a"), MessagePart(contentType: "text/markdown", content: "b"), .artifact(name: "n", content: "c"),
            MessagePart(contentType: "application/json", content: "{}"), MessagePart(contentURL: "http://x"),
            .data(Array("é".utf8), contentType: "text/plain"),
        ])
        #expect(message.text == "abé")
    }

    @Test("A string literal is a complete message of the user")
    func literal() {
        let message: Message = "hello"
        #expect(message.role == .user && message.parts == [.text("hello")] && !message.isOpen)
        #expect(message.createdAt == message.completedAt)
    }

    @Suite("Parts")
    struct Parts {
        @Test("Type and encoding have defaults, also if they are null")
        func defaults() throws {
            let null = #"""
                {"name":null,"content_type":null,"content":null,"content_encoding":null,"content_url":null,
                 "metadata":null}
                """#
            #expect(try decode(MessagePart.self, null) == MessagePart())
            #expect(try tree(MessagePart()) == ["content_type": "text/plain", "content_encoding": "plain"])
        }

        @Test("Unknown members with any value are kept")
        func extra() throws {
            let json = #"""
                {"content":"x","content_type":"text/plain","content_encoding":"plain","null":null,
                 "big":18446744073709551615,
                 "list":[1,[2.5,{"deep":false}]],"Content":"other case","":0}
                """#
            let part = try decode(MessagePart.self, json)
            #expect(part.extra.count == 5 && part.extra["Content"] == "other case" && part.extra["null"] == .null)
            #expect(try tree(part) == decode(JSONValue.self, json))
        }

        @Test("A known member among the unknown ones is not written twice")
        func shadowed() throws {
            let part = MessagePart(content: "a", extra: ["content": "b", "content_url": "http://x", "own": 1])
            #expect(
                try tree(part) == ["content": "a", "content_type": "text/plain", "content_encoding": "plain", "own": 1])
        }

        @Test("Content and content URL exclude each other, also if one of them is empty")
        func exclusive() throws {
            for json in [#"{"content":"a","content_url":"http://x"}"#, #"{"content":"","content_url":""}"#] {
                let error = try #require(refusal(MessagePart.self, json))
                #expect(error.code == .invalidInput)
                #expect(error.message == "content_url: content and content_url exclude each other: give one of them")
            }
            let part = MessagePart(content: "a", contentURL: "http://x")
            #expect(throws: ACPError(.invalidInput, "content and content_url exclude each other: give one of them")) {
                try part.validate()
            }
            #expect(try decode(MessagePart.self, #"{"content":null,"content_url":"u"}"#).contentURL == "u")
            #expect(try decode(MessagePart.self, #"{"content":"c","content_url":null}"#).content == "c")
        }

        @Test("Text, data, JSON and artifacts have the right type and encoding")
        func makers() throws {
            #expect(MessagePart.text("é").bytes == Array("é".utf8))
            let data = MessagePart.data([0, 255, 16], contentType: "application/octet-stream", name: "raw")
            #expect(data.content == "AP8Q" && data.contentEncoding == .base64 && data.isArtifact)
            #expect(data.bytes == [0, 255, 16] && data.text == nil)
            let json = try MessagePart.json(["a": 1])
            #expect(json.contentType == "application/json" && json.content == #"{"a":1}"# && !json.isArtifact)
            let artifact = MessagePart.artifact(name: "a.svg", contentType: "image/svg+xml", content: "<svg/>")
            #expect(artifact.isArtifact && artifact.text == "<svg/>")
            #expect(MessagePart().text == nil && MessagePart().bytes == nil)
        }
    }

    @Suite("Base64")
    struct Base64 {
        private func base64(_ content: String) -> MessagePart {
            MessagePart(content: content, contentEncoding: .base64)
        }

        @Test(
            "RFC 4648 base64 with padding is valid",
            arguments: [
                "", "AA==", "AAA=", "AAAA", "+/+/", "aGVsbG8gd29ybGQ=", String(repeating: "QUJD", count: 5_000),
            ])
        func valid(content: String) throws {
            try base64(content).validate()
            #expect(base64(content).bytes != nil)
        }

        @Test(
            "Any other text is not valid base64",
            arguments: [
                "A", "AA", "AAA", "AA=", "A===", "====", "=", "==", "AAAA=", "AA==AA==", "=AAA", "A=A=", "AA A",
                "AAAA\n",
                "AA\r\nAA", " AAAA", "-_-_", "AAé=", "ＡＡＡＡ", "AAA\u{0}", "AAA*",
            ])
        func invalid(content: String) throws {
            let error = try #require(throws: ACPError.self) { try base64(content).validate() }
            #expect(error.code == .invalidInput && error.message.hasPrefix("content is not valid base64"))
        }

        @Test("Bytes of every length survive a round trip, and all valid base64 can be decoded")
        func bytes() throws {
            var random = SeededGenerator(seed: 9)
            for length in 0..<200 {
                let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                let part = MessagePart.data(bytes, contentType: "image/png")
                try part.validate()
                #expect(try roundTrip(part).bytes == bytes)
            }
            let alphabet = Array("AZaz09+/=- \n")
            for _ in 0..<5_000 {
                let count = Int.random(in: 0...8, using: &random)
                let part = base64(String((0..<count).map { _ in alphabet.randomElement(using: &random)! }))
                if (try? part.validate()) != nil { #expect(part.bytes != nil, "\(part.content ?? "")") }
            }
        }

        @Test("Plain content and references are not checked")
        func plain() throws {
            try MessagePart(content: "no base64 at all").validate()
            try MessagePart(contentEncoding: .base64, contentURL: "http://x").validate()
            try Message(parts: []).validate()
        }

        @Test("The error of a message names the part, and that of an answer names the message as well")
        func named() throws {
            let message = Message(parts: [.text("fine"), base64("broken!")])
            let expected = "parts[1]: content is not valid base64 (RFC 4648 with padding, no line breaks)"
            #expect(throws: ACPError(.invalidInput, expected)) { try message.validate() }
            #expect(throws: ACPError(.invalidInput, "await_resume.message.\(expected)")) {
                try AwaitResume.message(message).validate()
            }
            try AwaitResume.other(["content_encoding": "base64"]).validate()
        }
    }

    @Suite("Part metadata")
    struct Metadata {
        @Test("Citations and trajectories are written with their kind")
        func kinds() throws {
            #expect(
                try tree(PartMetadata.citation(CitationMetadata(title: "t", startIndex: 1)))
                    == ["kind": "citation", "title": "t", "start_index": 1])
            #expect(
                try tree(PartMetadata.trajectory(TrajectoryMetadata(toolName: "t", toolInput: ["a": nil])))
                    == ["kind": "trajectory", "tool_name": "t", "tool_input": ["a": nil]])
        }

        @Test(
            "A tool's input or output that is not an object is read as an object with the member value",
            arguments: [(#"[1,"x"]"#, [1, "x"] as JSONValue), (#""text""#, "text"), ("7", 7)])
        func tolerantTrajectory(text: String, value: JSONValue) throws {
            let json = #"{"kind":"trajectory","tool_input":\#(text),"tool_output":\#(text)}"#
            let metadata = try ACPJSON.decode(PartMetadata.self, from: json.utf8)
            let trajectory = TrajectoryMetadata(toolInput: ["value": value], toolOutput: ["value": value])
            #expect(metadata == .trajectory(trajectory))
            #expect(
                try tree(metadata)
                    == ["kind": "trajectory", "tool_input": ["value": value], "tool_output": ["value": value]])
        }

        @Test(
            "Metadata of an unknown kind is kept as it was received",
            arguments: [#"{"kind":"score","value":1}"#, #"{"value":[null]}"#, #"{"kind":null,"a":{}}"#, "{}"])
        func unknown(json: String) throws {
            let metadata = try decode(PartMetadata.self, json)
            #expect(try tree(metadata) == decode(JSONValue.self, json))
        }
    }
}
