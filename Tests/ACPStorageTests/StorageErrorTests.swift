// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@Suite("Errors of storages")
struct StorageErrorTests {
    static let codes: [StorageError.Code] = [
        .cannotConnect, .timedOut, .outcomeUnknown, .refused, .corruptData, .fenced, .conflict, .notFound, .incomplete,
        .full, .closed,
    ]

    @Test("What remote callers may read follows from the code alone", arguments: codes)
    func publicMessage(_ code: StorageError.Code) {
        let detailed = StorageError(code, "redis.internal:6379 refused /var/lib/runs.sqlite and acp:run:1")
        #expect(detailed.publicMessage == StorageError(code, "").publicMessage)
        #expect(!detailed.publicMessage.isEmpty)
        #expect(Self.codes.filter { StorageError($0, "").publicMessage == detailed.publicMessage } == [code])
    }

    @Test("A refused commit is described in the same words by every storage")
    func refusals() throws {
        let run = Run(id: "the-run", agentName: "agent")
        let commit = RunCommit(
            run: run.id, expecting: 2, events: [try EncodedEvent(.runCreated(run))],
            snapshot: try RunSnapshot(run, eventCount: 4), owner: RunOwner(process: ProcessID()))
        let expected: [(CommitOutcome, StorageError.Code, String)] = [
            (.fenced, .fenced, "belongs to another owner"), (.conflict(found: 7), .conflict, "has 7 events where 2"),
            (.invalidSnapshot, .conflict, "covers 4 events where there are 3"),
            (.missing, .notFound, "is not stored"),
            (.incomplete(missing: "the key acp:owner:1"), .incomplete, "the key acp:owner:1 is missing"),
        ]
        for (outcome, code, words) in expected {
            let error = try #require(commit.error(outcome))
            #expect(error.code == code)
            #expect(error.message.contains("the-run"))
            #expect(error.message.contains(words))
        }
        #expect(commit.error(.applied) == nil)
        #expect(commit.error(.repeated) == nil)
    }
}
