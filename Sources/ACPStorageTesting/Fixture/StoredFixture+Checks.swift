// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

extension StoredFixture {
    /// Reads all data, and compares them with what was written.
    ///
    /// - Throws: ``StorageCheckFailure`` for the first difference.
    package func check() async throws {
        for story in try stories() {
            let id = story.run.id
            let record = try await storage.record(of: id)
            try expect("run \(id)", try record?.run(), is: story.run)
            try expect("the owner of run \(id)", record?.owner, is: Self.owner)
            try expect("the number of events of run \(id)", record?.eventCount, is: story.writer.events.count)
            try expect(
                "the events of run \(id)", try await storage.events(of: id, from: 0, limit: nil),
                is: story.writer.events)
            try expect("the input of run \(id)", try await storage.input(of: id), is: story.input)
            let signals = try await storage.coordination.signals(to: id)
            try expect("the signals to run \(id)", Set(signals), is: Set(story.signals))
            let ended = story.run.status.isTerminal
            try expect(
                "whether run \(id) is listed by its status",
                try await ids(.unfinished(story.run.status)).contains(id), is: !ended)
        }
        let saved = Self.savedByHand
        let record = try await storage.record(of: saved.id)
        try expect("the run saved by hand", record?.snapshot, is: saved)
        try expect("its owner", record?.owner, is: nil)
        try expect(
            "its events", try await storage.events(of: saved.id), is: [.messagePart(.text("by hand"))])
        try expect("all runs", try await ids(.all), is: [9, 7, 6, 5, 4, 3, 2, 1].map(Self.id))
        try expect("the agent's runs", try await ids(.agent("archivist")), is: [saved.id])
        try expect("the session's runs", try await ids(.session(Self.waiting)), is: [5, 4].map(Self.id))
        try expect(
            "the process's runs", Set(try await storage.runs(ownedBy: Self.process, limit: 10)),
            is: Set([4, 5, 6, 7].map(Self.id)))
        try await checkSessions()
    }

    private func ids(_ filter: RunQuery.Filter) async throws -> [RunID] {
        let page = try await storage.runs(RunQuery(filter, limit: 100))
        try expect("the total of \(filter)", page.total, is: page.items.count)
        return page.items.map(\.id)
    }

    private func checkSessions() async throws {
        for session in Self.sessions {
            try expect("session \(session.id)", try await storage.session(session.id), is: session)
        }
        let said = try await storage.history(of: Self.talk, from: 0, limit: nil)
        try expect("the history of \(Self.talk)", said.items, is: Self.questionsAndAnswers)
        try expect("the length of the history of \(Self.talk)", said.total, is: 2)
        try expect("the history of \(Self.forwarded)", try await storage.history(of: Self.forwarded), is: Self.links)
        try expect("the history of \(Self.waiting)", try await storage.history(of: Self.waiting), is: [])
        let keys = [ContentKey.Owner.run(Self.id(1)), .session(Self.talk), .run(Self.id(2))].flatMap { owner in
            [Self.story, Self.question].map { ContentKey(owner, $0.digest) }
        }
        let bytes: [[UInt8]?] = [Self.story.bytes, Self.question.bytes]
        try expect("the contents", try await storage.contents(keys), is: bytes + bytes + [nil, nil])
    }

    /// Continues to write the data: commits, answers, refusals, turns, sessions, deletions.
    ///
    /// - Throws: ``StorageCheckFailure`` for the first step with an unexpected result.
    package func continueRuns() async throws {
        try await finishOrphanedRun()
        try await answer()
        try await refuse()
        var session = Self.sessions[0]
        session.state = SessionState(bytes: Array("{}".utf8))
        try expect("the session's next version", try await storage.save(session, expecting: 2), is: 3)
        try await storage.append([HistoryBlock(link: "https://example.com/sessions/old/1")], to: Self.forwarded)
        try expect(
            "a link that is known is not appended", try await storage.history(of: Self.forwarded), is: Self.links)

        try expect("deleting a run", try await storage.deleteRun(Self.id(1)), is: true)
        try expect("the deleted run", try await storage.record(of: Self.id(1)), is: nil)
        try expect("deleting a session", try await storage.deleteSession(Self.talk), is: true)
        try expect("the history of the deleted session", try await storage.history(of: Self.talk), is: [])
        try expect("all runs after deleting one", try await ids(.all), is: [9, 7, 6, 5, 4, 3, 2].map(Self.id))
    }

    /// Lists the runs by the last change of their status, before they are continued.
    ///
    /// - Throws: ``StorageCheckFailure`` for the first difference.
    package func checkStatuses() async throws {
        let runs = try stories().map(\.run)
        for statuses in [[]] + DetailedRunStatus.allCases.map({ [$0] }) {
            for since in [nil, Self.time(2), Self.time(5)] {
                let query = RunStatusQuery(
                    agent: Self.agent, statuses: Set(statuses), changedSince: since, limit: 100)
                let expected = runs.filter(query.includes).sorted { RunStatusQuery.Position($0) > .init($1) }
                let found = try await storage.runs(query)
                try expect("the runs of \(query)", found.items.map(\.id), is: expected.map(\.id))
                try expect("their total", found.total, is: expected.count)
            }
        }
        let found = try await storage.runs(RunStatusQuery(agent: Self.agent, session: Self.waiting))
        try expect("the runs of a session", found.items.map(\.id), is: [5, 4].map(Self.id))
    }

    /// Another process takes over the run that was in progress, and ends it.
    private func finishOrphanedRun() async throws {
        let owner = RunOwner(process: ProcessID())
        try expect("the claim", try await storage.claim(Self.id(6), for: owner, from: Self.owner), is: true)
        guard var writer = try stories().first(where: { $0.run.id == Self.id(6) })?.writer else { return }
        writer.owner = owner
        try await writer.write([.messagePart(.text(", there was"))])
        var failed = writer.run
        failed.error = ACPError(.serverError, "its process is gone")
        try await writer.write([failed.becoming(.failed)], snapshot: true)
        let record = try await storage.record(of: Self.id(6))
        try expect("the run that was taken over", try record?.run(), is: writer.run)
        try expect(
            "its events", try await storage.events(of: Self.id(6), from: 0, limit: nil), is: writer.events)
    }

    /// The awaiting run receives an answer and ends; then it is the next run's turn.
    private func answer() async throws {
        guard var story = try stories().first(where: { $0.run.status == .awaiting }) else { return }
        let isNew = try await storage.coordination.send(
            .resume(.message("The second"), eventCount: story.writer.events.count), to: story.run.id)
        try expect("whether the second answer is stored", isNew, is: false)
        var run = story.writer.run
        run.awaitRequest = nil
        run.awaitDeadline = nil
        try await story.writer.write([run.becoming(.inProgress)], snapshot: true)
        try await story.writer.write(
            [run.becoming(.completed)], snapshot: true,
            history: HistoryAppend(HistoryBlock(run: run.id, input: story.input ?? [], output: []), to: Self.waiting))
        try expect(
            "the history after the run's end", try await storage.history(of: Self.waiting),
            is: (story.input ?? []).map(HistoryEntry.message))
        let first = try await storage.coordination.enqueue(Self.id(5), in: Self.waiting)
        try expect("the run whose turn it is", first, is: Self.id(4))
        let next = try await storage.coordination.dequeue(Self.id(4), from: Self.waiting)
        try expect("the run whose turn is next", next, is: Self.id(5))
    }

    /// Sends commits that must be refused, and one that is stored already.
    private func refuse() async throws {
        guard let story = try stories().last, let last = story.commits.last else { return }
        try await storage.commit(last)
        var foreign = last
        foreign.owner = RunOwner(process: ProcessID())
        try await expectError(.fenced) { try await storage.commit(foreign) }
        var writer = story.writer
        let end = try writer.next([story.run.becoming(.failed)], snapshot: true)
        try await expectError(.cancelled) { try await storage.commit(end) }
        var late = end
        late.expecting += 1
        try await expectError(.conflict) { try await storage.commit(late) }
    }

    private func expect<Value: Equatable>(
        _ what: @autoclosure () -> String, _ found: Value, is expected: Value, file: StaticString = #fileID,
        line: UInt = #line
    ) throws {
        guard found != expected else { return }
        throw StorageCheckFailure(
            "data of an earlier version can be read and continued",
            "\(what()): found \(found), expected \(expected)", file: file, line: line)
    }

    private func expectError(
        _ code: StorageError.Code, file: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let error as StorageError {
            return try expect("the error", error.code, is: code, file: file, line: line)
        }
        try expect("whether the commit is refused as \(code)", false, is: true, file: file, line: line)
    }
}
