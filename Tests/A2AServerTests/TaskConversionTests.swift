// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPStorage
import Testing

@testable import A2AServer

@Suite struct TaskConversionTests {
    // MARK: Parts

    static let parts: [A2A.Part] = [
        .text("hello"),
        .text(""),
        .text("hello", mediaType: "text/plain"),
        .text("# hello", mediaType: "text/markdown"),
        .text("<svg/>", mediaType: "image/svg+xml"),
        .text("{\"a\":1}", mediaType: "application/json"),
        .text("no JSON", mediaType: "application/json"),
        A2A.Part(.text("a"), metadata: ["kind": "citation"], filename: "a.txt", mediaType: nil),
        A2A.Part(.text("a"), metadata: [:]),
        A2A.Part(.text("a"), metadata: ["kind": 1, "deep": ["a": [nil, true, 1.5]]]),
        A2A.Part(.text("a"), metadata: [PartMetadata.citationURI: ["url": "https://example.com", "startIndex": 1]]),
        A2A.Part(.text("a"), metadata: [PartMetadata.citationURI: ["url": 1]]),
        A2A.Part(.text("a"), metadata: [PartMetadata.citationURI: ["url": "u"], "other": true]),
        A2A.Part(.text("a"), metadata: [PartMetadata.trajectoryURI: ["toolName": "t", "toolInput": ["a_b": 1]]]),
        A2A.Part(.text("a"), metadata: [PartMetadata.trajectoryURI: "?", PartMetadata.citationURI: [:]]),
        .raw([]),
        .raw([0, 255, 1]),
        .raw(Array("text".utf8), mediaType: "text/plain", filename: "output.txt"),
        .raw([1], mediaType: "application/octet-stream"),
        .raw([1], mediaType: "application/json"),
        .url("https://example.com/a"),
        .url("https://example.com/a", mediaType: "text/plain", filename: "output.txt"),
        .url("https://example.com/a", mediaType: "application/json"),
        .url(""),
        .data(nil),
        .data(true),
        .data(1),
        .data(1.5),
        .data("text"),
        .data([1, nil, ["a": "b"]]),
        .data(["key": "value", "count": 42]),
        .data(["a": 1], mediaType: "application/json"),
        .data(["a": 1], mediaType: "application/vnd.x+json; charset=utf-8"),
        .data(["a": 1], mediaType: "text/plain"),
        .data(.integer(.max)),
        .data(.unsigned(.max)),
    ]

    @Test(arguments: parts) func aPartReturnsAsItWasSent(_ part: A2A.Part) throws {
        let stored = try MessagePart(part)
        #expect(A2A.Part(stored) == part)
        try stored.validate()
        // As it is read from storage.
        let read = try ACPJSON.decode(MessagePart.self, from: ACPJSON.encode(stored))
        #expect(A2A.Part(read) == part)
    }

    static let messageParts: [(MessagePart, A2A.Part)] = [
        (.text("a"), .text("a")),
        (MessagePart(contentType: "text/html", content: "a"), .text("a", mediaType: "text/html")),
        (MessagePart(contentType: "application/json", content: "[1]"), .data([1])),
        (MessagePart(contentType: "Application/JSON", content: "1"), .data(1, mediaType: "Application/JSON")),
        (MessagePart(contentType: "application/json", content: "["), .text("[", mediaType: "application/json")),
        (
            MessagePart(contentType: "image/svg+xml", content: "<svg/>"),
            .text("<svg/>", mediaType: "image/svg+xml")
        ),
        (
            .data([1, 2], contentType: "image/png", name: "a.png"),
            .raw([1, 2], mediaType: "image/png", filename: "a.png")
        ),
        (
            MessagePart(contentType: "application/json", content: "W10=", contentEncoding: .base64),
            .raw([91, 93], mediaType: "application/json")
        ),
        (MessagePart(contentURL: "https://a/b"), .url("https://a/b", mediaType: "text/plain")),
        (.artifact(name: "a.txt", content: "a"), A2A.Part(.text("a"), filename: "a.txt")),
        (MessagePart(), .text("")),
        (MessagePart(content: "?", contentEncoding: .base64), A2A.Part(.text("?"))),
        (
            .text("a", metadata: .citation(CitationMetadata(url: "u", startIndex: 1, endIndex: 2))),
            A2A.Part(
                .text("a"), metadata: [PartMetadata.citationURI: ["startIndex": 1, "endIndex": 2, "url": "u"]])
        ),
        (
            MessagePart(metadata: .trajectory(TrajectoryMetadata(message: "m", toolName: "t", toolInput: ["in": 1]))),
            A2A.Part(
                .text(""),
                metadata: [PartMetadata.trajectoryURI: ["message": "m", "toolName": "t", "toolInput": ["in": 1]]])
        ),
        (.text("a", metadata: .other(["kind": "x"])), A2A.Part(.text("a"), metadata: ["kind": "x"])),
    ]

    @Test(arguments: messageParts) func aPartOfAnACPMessage(_ part: MessagePart, _ expected: A2A.Part) {
        #expect(A2A.Part(part) == expected)
    }

    @Test func dataThatAreNestedTooDeepAreText() {
        let json = String(repeating: "[", count: 120) + String(repeating: "]", count: 120)
        #expect(
            A2A.Part(MessagePart(contentType: "application/json", content: json))
                == .text(json, mediaType: "application/json"))
    }

    // MARK: Messages

    @Test func aMessageReturnsAsItWasSent() throws {
        let message = A2A.Message(
            id: "m1", contextID: "c1", taskID: "t1", role: .user, parts: Self.parts, metadata: ["a": ["b": nil]],
            extensions: ["urn:x"], referenceTaskIDs: ["t0"])
        let stored = try ACPJSON.decode(ACPCore.Message.self, from: ACPJSON.encode(ACPCore.Message(message)))
        #expect(A2A.Message(stored, id: "other", task: "t1", context: "c1") == message)
        var plain = message
        (plain.contextID, plain.taskID) = (nil, nil)
        #expect(stored.a2aMessage == plain)
    }

    @Test func aMessageOfACPHasADerivedIDAndAtLeastOnePart() {
        let message = A2A.Message(ACPCore.Message(parts: []), id: "derived", task: nil, context: nil)
        #expect(message == A2A.Message(id: "derived", role: .user, parts: [.text("")]))
        #expect(ACPCore.Message("a").a2aMessage == nil)
        let agent = ACPCore.Message("a", role: .agent("x"))
        #expect(A2A.Message(agent, id: "i", task: nil, context: nil).role == .agent)
    }

    // MARK: Artifacts

    private func artifacts(_ messages: [[MessagePart]]) -> [A2A.Artifact] {
        A2A.Artifact.artifacts(of: messages.map { ACPCore.Message(role: .agent("a"), parts: $0) })
    }

    @Test func theUnnamedPartsOfAMessageAreOneArtifact() {
        #expect(
            artifacts([[.text("a"), .text("b")], [], [.text("c")]]) == [
                A2A.Artifact(id: "output-0", parts: [.text("a"), .text("b")]),
                A2A.Artifact(id: "output-2", parts: [.text("c")]),
            ])
    }

    @Test func aNamedPartIsAnArtifactOfItsOwn() {
        let parts: [MessagePart] = [
            .text("a"), .artifact(name: "x", content: "1"), .text("b"), .artifact(name: "y", content: "2"),
            .artifact(name: "x", content: "3"),
        ]
        #expect(
            artifacts([parts, [.artifact(name: "x", content: "4")]]) == [
                A2A.Artifact(id: "output-0", parts: [.text("a"), .text("b")]),
                A2A.Artifact(
                    id: "output-0-x", name: "x",
                    parts: [A2A.Part(.text("1"), filename: "x"), A2A.Part(.text("3"), filename: "x")]),
                A2A.Artifact(id: "output-0-y", name: "y", parts: [A2A.Part(.text("2"), filename: "y")]),
                A2A.Artifact(id: "output-1-x", name: "x", parts: [A2A.Part(.text("4"), filename: "x")]),
            ])
    }

    @Test func anArtifactReturnsAsTheAgentHasSentIt() throws {
        let artifact = A2A.Artifact(
            id: "r", name: "Report", description: "All", parts: Self.parts, metadata: ["a": 1], extensions: ["urn:x"])
        let parts = try artifact.messageParts(append: false, lastChunk: true)
        #expect(artifacts([parts]) == [artifact])
        #expect(parts.allSatisfy { $0.name != nil })
        let stored = try parts.map { try ACPJSON.decode(MessagePart.self, from: ACPJSON.encode($0)) }
        #expect(artifacts([stored]) == [artifact])
    }

    @Test func chunksAreAppendedAndOtherwiseReplaceTheArtifact() throws {
        func chunk(_ text: String, append: Bool, name: String? = nil) throws -> [MessagePart] {
            try A2A.Artifact(id: "r", name: name, parts: [.text(text)]).messageParts(append: append, lastChunk: false)
        }
        let output = try [
            chunk("a", append: false, name: "n"), chunk("b", append: true), [.text("x")],
            chunk("c", append: false), chunk("d", append: true, name: "m"),
        ]
        #expect(
            artifacts(output) == [
                A2A.Artifact(id: "r", name: "m", parts: [.text("c"), .text("d")]),
                A2A.Artifact(id: "output-2", parts: [.text("x")]),
            ])
    }

    @Test func anArtifactWithoutAnIDGetsOneFromItsPlace() throws {
        func chunk(_ text: String, append: Bool) throws -> [MessagePart] {
            try A2A.Artifact(id: "", parts: [.text(text), .text("!")]).messageParts(append: append, lastChunk: false)
        }
        let output = try chunk("a", append: false) + [.text("x")] + chunk("b", append: false) + chunk("c", append: true)
        #expect(
            artifacts([output]) == [
                A2A.Artifact(id: "output-0.0", parts: [.text("a"), .text("!")]),
                A2A.Artifact(id: "output-0", parts: [.text("x")]),
                A2A.Artifact(id: "output-0.3", parts: [.text("b"), .text("!"), .text("c"), .text("!")]),
            ])
    }

    // MARK: Status

    static let statuses: [(Run, A2A.TaskState, String?)] = [
        (run(.created), .submitted, nil),
        (run(.inProgress), .working, nil),
        (run(.cancelling), .working, nil),
        (run(.awaiting) { $0.awaitRequest = .message("why?") }, .inputRequired, "r-question-0 why?"),
        (
            run(.awaiting) {
                $0.exchange = ["a?", "a"]
                $0.awaitRequest = .authentication("sign in")
            }, .authRequired, "r-question-1 sign in"
        ),
        (run(.completed), .completed, nil),
        (run(.failed) { $0.error = ACPError(.serverError, "broken") }, .failed, "r-error broken"),
        (run(.failed) { $0.error = ACPError(.rejected, "no") }, .rejected, "r-error no"),
        (run(.cancelled), .canceled, nil),
    ]

    private static func run(_ status: RunStatus, _ change: (inout Run) -> Void = { _ in }) -> Run {
        var run = Run(
            id: "r", agentName: "a", sessionID: "s", status: status, createdAt: Timestamp(microseconds: 1),
            statusChangedAt: Timestamp(microseconds: 2))
        change(&run)
        return run
    }

    @Test(arguments: statuses) func theStatusOfATask(_ run: Run, _ state: A2A.TaskState, _ text: String?) {
        let status = A2A.TaskStatus(run)
        #expect(status.state == state)
        #expect(status.timestamp == Timestamp(microseconds: 2))
        #expect(status.message.map { "\($0.id) \($0.text)" } == text)
        if let message = status.message {
            #expect(message.role == .agent && message.taskID == "r" && message.contextID == "s")
        }
        #expect(state.runStatuses.contains(run.detailedStatus))
    }

    @Test func aQuestionInAnotherFormIsData() {
        let run = Self.run(.awaiting) { $0.awaitRequest = .other(["choose": [1, 2]]) }
        #expect(A2A.TaskStatus(run).message?.parts == [.data(["choose": [1, 2]])])
    }

    // MARK: History

    @Test func theHistoryIsTheInputAndTheExchange() throws {
        var run = Self.run(.inProgress)
        run.exchange = ["q0", "a0", "q1", "a1"]
        run.exchange[1] = try ACPCore.Message(A2A.Message(id: "mine", role: .user, parts: [.text("a0")]))
        let input: [ACPCore.Message] = ["i0", "i1"]
        let all = A2A.Message.history(of: run, input: input, length: nil)
        #expect(all.map(\.text) == ["i0", "i1", "q0", "a0", "q1", "a1"])
        #expect(all.map(\.id) == ["r-input-0", "r-input-1", "r-question-0", "mine", "r-question-1", "r-answer-1"])
        #expect(all.map(\.role) == [.user, .user, .agent, .user, .agent, .user])
        #expect(all.allSatisfy { $0.taskID == "r" && $0.contextID == "s" })
        for length in 0...7 {
            let needsInput = A2A.Message.needsInput(run, length: length)
            #expect(needsInput == (length > 4))
            let part = A2A.Message.history(of: run, input: needsInput ? input : [], length: length)
            #expect(part == Array(all.suffix(length)))
        }
    }

    // MARK: Page tokens

    @Test func aPageTokenReturnsThePosition() {
        for microseconds in [Int64.min, -1, 0, 1_764_000_000_123_456, .max] {
            let position = RunStatusQuery.Position(changedAt: Timestamp(microseconds: microseconds), run: "a.~_-B")
            #expect(RunStatusQuery.Position(pageToken: position.pageToken) == position)
        }
        for token in ["", "x", "?", Base64.urlText(Array("1".utf8)), Base64.urlText(Array("1 a b".utf8)), "eCBh"] {
            #expect(RunStatusQuery.Position(pageToken: token) == nil, "\(token)")
        }
    }
}
