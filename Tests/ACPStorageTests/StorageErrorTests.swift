// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Testing

@Suite("Storage errors")
struct StorageErrorTests {
    static let codes: [StorageError.Code] = [
        .cannotConnect, .timedOut, .outcomeUnknown, .refused, .corruptData, .fenced, .conflict, .notFound, .incomplete,
        .full, .closed,
    ]

    @Test("The message for remote callers depends on the code alone", arguments: codes)
    func publicMessage(_ code: StorageError.Code) {
        let detailed = StorageError(code, "redis.internal:6379 refused /var/lib/runs.sqlite and acp:run:1")
        #expect(detailed.publicMessage == StorageError(code, "").publicMessage)
        #expect(!detailed.publicMessage.isEmpty)
        #expect(Self.codes.filter { StorageError($0, "").publicMessage == detailed.publicMessage } == [code])
    }

    @Test("All storages describe a refused commit with the same message")
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
            let error = try #require(commit.error(for: outcome))
            #expect(error.code == code)
            #expect(error.message.contains("the-run"))
            #expect(error.message.contains(words))
        }
        #expect(commit.error(for: .applied) == nil)
        #expect(commit.error(for: .repeated) == nil)
    }
}
