// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Testing

@testable import A2AClient

@Suite("Progress of a task's stream")
struct StreamProgressTests {
    private let words = WordTask()

    private func progress(_ milestone: StreamProgress.Milestone = .settled) -> StreamProgress {
        StreamProgress(taskID: nil, milestone: milestone)
    }

    @Test func everyElementOfAnUncutStreamIsDeliveredAsItIs() {
        var progress = progress()
        for element in words.elements {
            #expect(!progress.isFinished)
            #expect(progress.isCut)
            #expect(progress.receive(element, id: nil) == [element])
        }
        #expect(progress.isFinished && !progress.isCut)
        #expect(progress.taskID == words.id)
    }

    @Test func aMessageWithoutATaskIsTheWholeStream() {
        var progress = progress()
        let message = A2A.StreamResponse.message(A2A.Message(role: .agent, parts: [.text("hi")]))
        #expect(progress.receive(message, id: nil) == [message])
        #expect(progress.isFinished)
    }

    @Test func unknownElementsAreNotDelivered() {
        var progress = progress()
        #expect(progress.receive(.unknown(["later": .bool(true)]), id: "1").isEmpty)
        #expect(progress.lastEventID == "1")
        #expect(!progress.hasDelivered)
    }

    /// What ends a stream, and whether a connection that ends after it was cut.
    @Test(arguments: [
        (StreamProgress.Milestone.settled, A2A.TaskState.working, nil as String?, false, true),
        (.settled, .completed, nil, true, false),
        (.settled, .failed, nil, true, false),
        (.settled, .canceled, nil, true, false),
        (.settled, .rejected, nil, true, false),
        (.settled, .inputRequired, nil, true, false),
        (.settled, .authRequired, nil, false, false),
        (.terminal, .inputRequired, nil, false, false),
        (.terminal, .inputRequired, "7", false, true),
        (.terminal, .authRequired, "7", false, true),
        (.terminal, .completed, "7", true, false),
    ])
    func aStateEndsTheStreamOrNot(
        milestone: StreamProgress.Milestone, state: A2A.TaskState, id: String?, isFinished: Bool, isCut: Bool
    ) {
        var progress = progress(milestone)
        _ = progress.receive(words.changed(state, at: 1), id: id)
        #expect(progress.isFinished == isFinished)
        #expect(progress.isCut == isCut)
    }

    @Test func numberedEventsAreNotDeliveredTwice() {
        var progress = progress()
        for (index, element) in words.elements.prefix(3).enumerated() { _ = progress.receive(element, id: "\(index)") }
        progress.reconnected()
        #expect(progress.lastEventID == "2")
        #expect(progress.receive(words.elements[2], id: "2").isEmpty)
        #expect(progress.receive(words.elements[3], id: "3") == [words.elements[3]])
    }

    @Test func theStateAtTheBeginningOfANewConnectionIsDeliveredAsItsDifferences() {
        var progress = progress()
        for element in words.elements.prefix(4) { _ = progress.receive(element, id: nil) }
        progress.reconnected()
        // Nothing has changed.
        #expect(progress.receive(.task(words.task(.working, at: 1, words: ["one ", "two "])), id: nil).isEmpty)
        progress.reconnected()
        let missed = progress.receive(.task(words.task(.completed, at: 2, words: ["one ", "two ", "three"])), id: nil)
        #expect(missed == [words.word("three"), words.changed(.completed, at: 2)])
        #expect(progress.isFinished)
    }

    @Test func aStatusThatIsRepeatedAfterTheStateIsNotDeliveredAgain() {
        var progress = progress()
        for element in words.elements.prefix(2) { _ = progress.receive(element, id: nil) }
        progress.reconnected()
        _ = progress.receive(.task(words.task(.working, at: 1)), id: nil)
        #expect(progress.receive(words.changed(.working, at: 1), id: nil).isEmpty)
        #expect(!progress.receive(words.changed(.working, at: 3), id: nil).isEmpty)
    }

    @Test func aFetchedTaskIsDeliveredWholeIfNothingWasDeliveredBefore() {
        var progress = StreamProgress(taskID: words.id, milestone: .terminal)
        let task = words.task(.completed, words: ["one"])
        #expect(progress.receive(fetched: task) == [.task(task)])
        #expect(progress.isFinished)
    }

    @Test func aFetchedTaskThatContinuesDoesNotEndTheStream() {
        var progress = progress(.terminal)
        _ = progress.receive(.task(words.task(.working)), id: nil)
        #expect(progress.receive(fetched: words.task(.inputRequired, at: 3)) == [words.changed(.inputRequired, at: 3)])
        #expect(!progress.isFinished)
        #expect(progress.receive(fetched: words.task(.completed, at: 4)) == [words.changed(.completed, at: 4)])
        #expect(progress.isFinished)
    }
}

@Suite("Differences of tasks")
struct TaskDifferenceTests {
    private let words = WordTask()

    private func artifact(_ texts: [String], replacing: Bool = false) -> [A2A.StreamResponse] {
        [
            .artifactUpdate(
                .init(
                    taskID: words.id, contextID: words.contextID,
                    artifact: A2A.Artifact(id: "a", parts: texts.map { .text($0) }), isAppended: !replacing))
        ]
    }

    @Test(arguments: [
        (["one"], ["one"], [String](), false),
        (["one"], ["one", "two", "three"], ["two", "three"], false),
        ([], ["one", "two"], ["one", "two"], true),
        // Joined texts.
        (["one ", "two"], ["one two three"], [" three"], false),
        (["one ", "two"], ["one two"], [], false),
        // A state from before the last updates.
        (["one ", "two"], ["one "], [], false),
        (["one ", "two"], ["one t"], [], false),
        // Another text.
        (["one", "two"], ["three"], ["three"], true),
    ])
    func onlyWhatIsNewIsAnUpdate(known: [String], newer: [String], added: [String], isReplaced: Bool) {
        let updates = words.task(.working, words: known).updates(to: words.task(.working, words: newer))
        #expect(updates == (added.isEmpty ? [] : artifact(added, replacing: isReplaced)))
    }

    @Test func updatesTurnATaskIntoItsNewerState() {
        var task = words.task(.submitted, words: ["one "])
        let newer = words.task(.completed, at: 5, words: ["one ", "two"])
        for update in task.updates(to: newer) { task.apply(update) }
        #expect(task == newer)
    }

    @Test func theElementsOfAStreamBuildTheTask() {
        var task = words.task(.unspecified)
        for element in words.elements { task.apply(element) }
        #expect(task == words.task(.completed, at: 2, words: ["one ", "two ", "three"]))
        #expect(task.text == "one two three")
    }
}
