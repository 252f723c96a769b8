// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
@_exported import ACPTestSupport

extension RunCommit {
    /// Returns the commit that creates a run.
    static func creating(_ run: Run, owner: RunOwner = RunOwner(process: ProcessID())) throws -> RunCommit {
        RunCommit(
            run: run.id, expecting: 0, events: [try EncodedEvent(.runCreated(run))],
            snapshot: try RunSnapshot(run, eventCount: 1), owner: owner)
    }
}

extension Run {
    func with(_ status: RunStatus) -> Run {
        var run = self
        run.status = status
        return run
    }
}

extension MemoryStorage {
    /// Creates a run and ends it in a second commit.
    func createEndedRun(_ run: Run) throws {
        let owner = RunOwner(process: ProcessID())
        try commit(.creating(run, owner: owner))
        let ended = run.with(.completed)
        try commit(
            RunCommit(
                run: run.id, expecting: 1, events: [try EncodedEvent(.runCompleted(ended))],
                snapshot: try RunSnapshot(ended, eventCount: 2), owner: owner))
    }
}
