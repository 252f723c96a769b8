// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage
import Testing

@Suite("Questions and answers", .timeLimit(.minutes(5)))
struct AwaitTests {
    private func questioner(_ storage: any Storage = MemoryStorage()) throws -> RunEngine {
        let engine = makeEngine(storage)
        try engine.agents.addAgent("questioner") { context in
            let name = try await context.awaitMessage("What is your name?")
            return "Hello, \(name.text)!"
        }
        return engine
    }

    @Test("A sync call returns with the question, and the answer resumes the run")
    func askAndAnswer() async throws {
        let engine = try questioner()
        let asked = try await engine.call("questioner")
        #expect(asked.status == .awaiting)
        #expect(asked.awaitRequest?.message?.text == "What is your name?")
        #expect(asked.awaitRequest?.message?.role == .agent("questioner"))
        #expect(try await engine.fetchRun(asked.id) == asked)
        #expect(try await engine.storage.kinds(asked.id) == ["run.created", "run.in-progress", "run.awaiting"])

        let (going, eventCount) = try await engine.resume(asked.id, "Ada")
        #expect(going.status == .inProgress && going.awaitRequest == nil)
        #expect(eventCount == 3)
        let ended = try await engine.settledRun(asked.id, after: eventCount)
        #expect(ended.status == .completed && ended.text == "Hello, Ada!")
        let rest = try await engine.followed(asked.id, from: eventCount)
        #expect(
            rest.map(\.kind.rawValue) == [
                "run.in-progress", "message.created", "message.part", "message.completed", "run.completed",
            ])
        #expect(rest.first?.run == going)
        try await expectSound(asked.id, in: engine.storage)
    }

    @Test("A question completes the open message")
    func completesMessage() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("polite") { context in
            try await context.yield("Well, ")
            return try await context.awaitMessage("who?")
        }
        let run = try await engine.call("polite")
        #expect(run.output.map(\.isOpen) == [false])
        #expect(
            try await engine.storage.kinds(run.id).suffix(3) == ["message.part", "message.completed", "run.awaiting"])
    }

    @Test("Several questions of one run are distinguished")
    func severalQuestions() async throws {
        let engine = makeEngine()
        try engine.agents.addAgent("curious") { context in
            var answers: [String] = []
            for number in 1...3 { answers.append(try await context.awaitMessage("\(number)?").text) }
            return answers.joined(separator: ",")
        }
        var run = try await engine.call("curious")
        for answer in ["a", "b", "c"] {
            let (_, eventCount) = try await engine.resume(run.id, answer)
            run = try await engine.settledRun(run.id, after: eventCount)
        }
        #expect(run.status == .completed && run.text == "a,b,c")
        #expect(try await engine.storage.kinds(run.id).filter { $0 == "run.awaiting" }.count == 3)
        try await expectSound(run.id, in: engine.storage)
    }

    @Test("Of many concurrent answers, exactly one is accepted")
    func oneWins() async throws {
        for _ in 0..<20 {
            let engine = try questioner()
            let run = try await engine.call("questioner")
            let outcomes = await withTaskGroup(of: String?.self) { group in
                for number in 0..<8 {
                    group.addTask { await refusal { _ = try await engine.resume(run.id, "\(number)") } }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 == nil }.count == 1)
            #expect(outcomes.compactMap(\.self).allSatisfy { $0.hasPrefix("not awaiting but") }, "\(outcomes)")
            let ended = try await engine.endedRun(run.id)
            #expect(ended.text.count == "Hello, 0!".count)
            #expect(try await engine.storage.kinds(run.id).filter { $0 == "run.in-progress" }.count == 2)
            try await expectSound(run.id, in: engine.storage)
        }
    }

    @Test("An answer to a run that does not await one is refused")
    func nothingAwaited() async throws {
        let engine = try questioner()
        let latch = Latch()
        try engine.agents.addAgent("busy") { _ in await latch.wait() }
        let busy = try await engine.start("busy")
        #expect(await refusal { try await engine.resume(busy, "x") } == "not awaiting but in-progress")
        latch.open()
        _ = try await engine.endedRun(busy)
        #expect(await refusal { try await engine.resume(busy, "x") } == "not awaiting but completed")
        let run = try await engine.call("questioner")
        try await engine.resume(run.id, "Ada")
        _ = try await engine.endedRun(run.id)
        #expect(await refusal { try await engine.resume(run.id, "Bob") } == "not awaiting but completed")
        #expect(await refusal { try await engine.resume(RunID(), "x") } == "unknown run")
        let bad = AwaitResume.message(Message(parts: [MessagePart(content: "x", contentURL: "y")]))
        #expect(await refusal { _ = try await engine.resume(run.id, with: bad) } == "invalid input")
    }

    @Test("An answer that is not a message fails a handler that expects one, and reaches one that does not")
    func otherAnswers() async throws {
        let engine = try questioner()
        try engine.agents.addAgent("form") { context in
            let answer = try await context.awaitAnswer(to: .other(["type": "form", "fields": ["a"]]))
            guard case .other(let members) = answer else { return "a message" }
            return members["a"]?.stringValue ?? "nothing"
        }
        let wrong = try await engine.call("questioner")
        _ = try await engine.resume(wrong.id, with: .other(["type": "form"]))
        let failed = try await engine.endedRun(wrong.id)
        #expect(failed.status == .failed && failed.error?.code == .invalidInput)

        let form = try await engine.call("form")
        #expect(form.awaitRequest == .other(["type": "form", "fields": ["a"]]))
        _ = try await engine.resume(form.id, with: .other(["type": "form", "a": "filled in"]))
        #expect(try await engine.endedRun(form.id).text == "filled in")
    }

    @Test("An empty answer is accepted")
    func emptyAnswer() async throws {
        let engine = try questioner()
        let run = try await engine.call("questioner")
        _ = try await engine.resume(run.id, with: .message(Message(parts: [])))
        #expect(try await engine.endedRun(run.id).text == "Hello, !")
    }

    @Test("While one task of a handler waits for an answer, the others can neither send output nor ask")
    func noTalkingMeanwhile() async throws {
        let engine = makeEngine()
        let refused = Shared()
        try engine.agents.addAgent("impatient") { context in
            async let answer = context.awaitMessage("?")
            try await eventually("the question is asked") {
                try await engine.storage.run(context.runID)?.status == .awaiting
            }
            await #expect(throws: ACPError.self) { try await context.yield("too early") }
            await #expect(throws: ACPError.self) { _ = try await context.awaitMessage("another?") }
            refused.increment()
            return try await answer.text
        }
        let run = try await engine.call("impatient")
        try await eventually("the handler has tried") { refused.value == 1 }
        try await engine.resume(run.id, "answer")
        #expect(try await engine.endedRun(run.id).text == "answer")
        try await expectSound(run.id, in: engine.storage)
    }

    // MARK: Handlers that stop waiting

    @Test("A handler that stops waiting by itself continues, and its question cannot be answered any more")
    func withdrawn() async throws {
        let engine = makeEngine()
        let (giveUp, goOn) = (Latch(), Latch())
        try engine.agents.addAgent("impatient") { context in
            let waiting = Task { try await context.awaitMessage("quick?") }
            await giveUp.wait()
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            try await context.yield("never mind; ")
            await goOn.wait()
            return try await context.awaitMessage("and now?").text
        }
        let first = try await engine.call("impatient")
        #expect(first.status == .awaiting)
        giveUp.open()
        try await eventually("the run continues") { try await engine.fetchRun(first.id).status == .inProgress }
        #expect(await refusal { try await engine.resume(first.id, "late") } == "not awaiting but in-progress")
        goOn.open()
        let second = try await engine.settledRun(first.id, after: 3)
        #expect(second.awaitRequest?.message?.text == "and now?")
        try await engine.resume(first.id, "yes")
        #expect(try await engine.endedRun(first.id).text == "never mind; \nyes")
        try await expectSound(first.id, in: engine.storage)
    }

    @Test("A handler that returns without taking its question's answer completes its run", arguments: [true, false])
    func leftBehind(isChild: Bool) async throws {
        let engine = makeEngine()
        let heard = Shared<String?>(nil)
        try engine.agents.addAgent("forgetful") { context in
            let asked = Latch()
            @Sendable func ask() async {
                do {
                    _ = try await context.awaitMessage("?")
                    heard.set("an answer")
                } catch {
                    heard.set("\(type(of: error))")
                }
                asked.open()
            }
            @Sendable func untilAsked() async throws {
                try await eventually("the question is asked") {
                    try await engine.storage.run(context.runID)?.status == .awaiting
                }
            }
            if isChild {
                async let _: Void = ask()
                try await untilAsked()
            } else {
                Task { await ask() }
                try await untilAsked()
            }
        }
        let id = try await engine.start("forgetful")
        let run = try await engine.endedRun(id)
        #expect(run.status == .completed && run.awaitRequest == nil)
        try await eventually("the waiting task is notified") { heard.value == "CancellationError" }
        try await expectSound(id, in: engine.storage)
    }

    // MARK: Signals

    @Test("An answer whose sender was not told that it is stored is used when another answer arrives")
    func lostSignalAnswer() async throws {
        let storage = ScriptedStorage()
        let engine = try questioner(storage)
        let run = try await engine.call("questioner")
        storage.scriptedCoordination.loseNextAnswer()
        #expect(await refusal { try await engine.resume(run.id, "Ada") } == "storage: outcomeUnknown")
        #expect(await refusal { try await engine.resume(run.id, "Ada") }?.hasPrefix("not awaiting") == true)
        #expect(try await engine.endedRun(run.id).text == "Hello, Ada!")
    }

    @Test("Answering and cancelling a run at the same time loses nothing")
    func answerAgainstCancel() async throws {
        let engine = try questioner()
        for _ in 0..<50 {
            let run = try await engine.call("questioner")
            async let answer = refusal { try await engine.resume(run.id, "Ada") }
            async let cancel = refusal { _ = try await engine.cancel(run.id) }
            let (answered, cancelled) = await (answer, cancel)
            let ended = try await engine.endedRun(run.id)
            switch ended.status {
            case .completed: #expect(answered == nil && cancelled == "ended already: completed")
            case .cancelled: #expect(cancelled == nil)
            default: Issue.record("\(ended.status)")
            }
            try await expectSound(run.id, in: engine.storage)
        }
    }
}
