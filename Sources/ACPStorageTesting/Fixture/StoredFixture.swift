// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The same data for every backend, to prove that data of an earlier version can still be read and continued.
///
/// The files in `Tests/StoredData` contain what ``write()`` stored with an earlier version of each backend. The tests
/// of the backends load them, and then call ``check()`` and ``continueRuns()``. All ids, times and owners are fixed, so
/// that the same documents are written each time.
package struct StoredFixture {
    /// The storage.
    package let storage: any Storage

    /// Creates a fixture.
    ///
    /// - Parameter storage: An empty storage for ``write()``; one that holds the data for ``check()`` and
    ///   ``continueRuns()``.
    package init(_ storage: any Storage) { self.storage = storage }

    /// The process that owned all runs. It has ended.
    static let process = ProcessID(rawValue: "web-1.4711.9f86d081/50%")
    static let owner = RunOwner(process: process, token: "6f2d3c52-token/1%")
    static let agent: AgentName = "storyteller"
    static let talk: SessionID = "talk"
    static let waiting: SessionID = "waiting"
    static let forwarded: SessionID = "forwarded"

    /// Contents that documents refer to, in the form of the runtime: the text of a JSON string, with its SHA-256
    /// digest.
    static let story = content(
        String(repeating: "All happy families are alike. ", count: 20),
        digest: "b61568ff960ac2a715a6b41aa0b85b1270c540db06fe7ec78b1f92b4d974bc82")
    static let question = content(
        #"She said: \""# + String(repeating: "Where? ", count: 60) + #"\""#,
        digest: "15dafec1d6a2960eebe671f2c0db7050b55d99dc779b100af2038c1157969d48")

    private static func content(_ text: String, digest: String) -> StoredContent {
        guard let digest = ContentDigest(rawValue: digest) else { preconditionFailure("\(digest) is not a digest") }
        return StoredContent(digest: digest, bytes: Array(text.utf8))
    }

    // MARK: Writing

    /// Stores everything.
    package func write() async throws {
        // A heartbeat that has expired when the data are read again.
        try await storage.coordination.heartbeat(of: Self.process, timeToLive: .milliseconds(1))
        for story in try stories() {
            for commit in story.commits {
                if commit.snapshot?.run.status == .cancelled {
                    for signal in story.signals { try await storage.coordination.send(signal, to: commit.run) }
                }
                try await storage.commit(commit)
            }
            if story.run.status != .cancelled {
                for signal in story.signals { try await storage.coordination.send(signal, to: story.run.id) }
            }
            if story.isQueued { _ = try await storage.coordination.enqueue(story.run.id, in: Self.waiting) }
        }
        let saved = Self.savedByHand
        try await storage.save(saved)
        try await storage.append(.messagePart(.text("by hand")), to: saved.id)

        for session in Self.sessions {
            for version in 0..<session.version { try await storage.save(session, expecting: version) }
        }
        try await storage.append(
            [
                HistoryBlock(link: "https://example.com/sessions/old/0?signature=1"),
                HistoryBlock(link: "https://example.com/sessions/old/1"),
            ], to: Self.forwarded)
    }

    // MARK: Data

    static let savedByHand = Run(
        id: "00000000-0000-4000-8000-000000000009", agentName: "archivist", status: .completed,
        createdAt: time(9), finishedAt: time(10))

    /// The sessions, with their versions after they were saved.
    static let sessions = [
        SessionRecord(
            id: talk, state: SessionState(bytes: Array(#"{"mood":"happy","count":3,"text":"„ä“\n"}"#.utf8)),
            metadata: ["origin_key": "1x.2y.3z.4w", "user": ["name": "Anna", "tags": [1, 2.5, nil, true]]], version: 2),
        SessionRecord(
            id: waiting, state: SessionState(bytes: [0, 255, 1, 254, 34], contentType: "application/octet-stream"),
            version: 1),
        SessionRecord(
            id: forwarded,
            metadata: [
                "forwarded_state": "https://example.com/state?signature=1", "known_state": "https://example.com/state",
                "origin_key": "5a.6b.7c.8d",
            ], version: 1),
    ]

    static let questionsAndAnswers: [HistoryEntry] = [.message(input), .message(answer)]
    static let links: [HistoryEntry] = [
        .link("https://example.com/sessions/old/0?signature=1"), .link("https://example.com/sessions/old/1"),
    ]

    static func time(_ seconds: Int) -> Timestamp {
        Timestamp(microseconds: 1_795_000_000_123_456 + Int64(seconds) * 1_000_000)
    }

    static func id(_ number: Int) -> RunID { RunID(stringLiteral: "00000000-0000-4000-8000-00000000000\(number)") }

    static let input = Message(
        role: .user,
        parts: [
            .text("Tell me \"a story\" \u{1F600}\u{0001}\n"),
            .data([1, 2, 255], contentType: "application/octet-stream", name: "bytes"),
            MessagePart(contentURL: "acp-content:\(question.digest):\(question.bytes.count)"),
        ], createdAt: time(0), completedAt: time(0))

    static func said(_ text: String) -> Message {
        Message(role: .user, parts: [.text(text)], createdAt: time(0), completedAt: time(0))
    }

    static let part = MessagePart(
        name: "chapter-1", contentURL: "acp-content:\(story.digest):\(story.bytes.count)",
        metadata: .citation(CitationMetadata(url: "https://example.com/", title: "Book", startIndex: 1, endIndex: 2)))

    static let answer = Message(
        role: .agent(agent), parts: [part, MessagePart(contentURL: "acp-content:own:mine")], createdAt: time(2),
        completedAt: time(3))
}

extension StoredFixture {
    /// A run with the commits that write it.
    struct Story {
        var writer: RunWriter
        var input: [Message]?
        var commits: [RunCommit] = []
        var signals: [RunSignal] = []
        var isQueued = false

        var run: Run { writer.run }

        mutating func add(
            _ events: [Event], snapshot: Bool = true, contents: [StoredContent] = [], history: HistoryAppend? = nil
        ) throws {
            commits.append(
                try writer.next(
                    events, snapshot: snapshot, input: commits.isEmpty ? input : nil, contents: contents,
                    history: history))
        }

        mutating func become(_ status: RunStatus, _ change: (inout Run) -> Void = { _ in }) throws {
            var run = writer.run
            change(&run)
            try add([run.becoming(status)])
        }
    }

    private func story(
        _ number: Int, session: SessionID? = nil, input: [Message]? = [Self.said("Go on")]
    ) throws -> Story {
        let run = Run(
            id: Self.id(number), agentName: Self.agent, sessionID: session, createdAt: Self.time(number))
        var story = Story(writer: RunWriter(run, on: storage, owner: Self.owner), input: input)
        try story.add([.runCreated(run)], contents: number == 1 ? [Self.question] : [])
        return story
    }

    /// Returns the runs that are committed, with everything that belongs to them.
    func stories() throws -> [Story] {
        [
            try completed(), try failed(), try cancelled(), try awaiting(), try queued(), try inProgress(),
            try cancelling(),
        ]
    }

    private func completed() throws -> Story {
        var story = try story(1, session: Self.talk, input: [Self.input])
        try story.become(.inProgress)
        var opened = Self.answer
        opened.parts = []
        opened.completedAt = nil
        try story.add(
            [.messageCreated(opened)] + Self.answer.parts.map { .messagePart($0) } + [.messageCompleted(Self.answer)],
            snapshot: false, contents: [Self.story])
        var run = story.writer.run
        run.output = [Self.answer]
        try story.add(
            [run.becoming(.completed)],
            history: HistoryAppend(
                HistoryBlock(
                    key: "run:\(run.id)", entries: Self.questionsAndAnswers, contents: [Self.question, Self.story]),
                to: Self.talk))
        return story
    }

    private func failed() throws -> Story {
        var story = try story(2)
        try story.become(.inProgress)
        try story.add([.generic(["progress": 0.5]), .error(ACPError(.invalidInput, "a warning"))], snapshot: false)
        try story.become(.failed) { $0.error = ACPError(.serverError, "the pen broke", data: ["ink": 0]) }
        return story
    }

    private func cancelled() throws -> Story {
        var story = try story(3, input: nil)
        try story.become(.inProgress)
        story.signals = [.cancel]
        try story.become(.cancelled)
        return story
    }

    private func awaiting() throws -> Story {
        var story = try story(4, session: Self.waiting)
        try story.become(.inProgress)
        let question = Message(
            role: .agent(Self.agent), parts: [.text("Which one?")], createdAt: Self.time(5), completedAt: Self.time(5))
        try story.become(.awaiting) { run in
            run.awaitRequest = .message(question)
            run.awaitDeadline = Self.time(1_000_000_000)
        }
        story.signals = [
            .resume(.message(Self.said("The first")), eventCount: story.writer.events.count), .proceed,
        ]
        story.isQueued = true
        return story
    }

    private func queued() throws -> Story {
        var story = try story(5, session: Self.waiting)
        story.isQueued = true
        return story
    }

    /// Its snapshot does not cover the last events.
    private func inProgress() throws -> Story {
        var story = try story(6)
        try story.become(.inProgress)
        let message = Message(role: .agent(Self.agent), parts: [], createdAt: Self.time(7), completedAt: nil)
        try story.add([.messageCreated(message), .messagePart(.text("Once"))], snapshot: false)
        try story.add([.messagePart(.text("upon a time"))], snapshot: false)
        return story
    }

    private func cancelling() throws -> Story {
        var story = try story(7)
        try story.become(.inProgress)
        try story.become(.cancelling)
        story.signals = [.cancel]
        return story
    }
}
