// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Synchronization

/// The processes that have ended and are not forgotten yet, and when this process first found them.
struct LostProcesses {
    private var found: [ProcessID: ContinuousClock.Instant] = [:]

    /// Records which processes have ended. One that has come back in the meantime is removed.
    mutating func update(_ processes: Set<ProcessID>, now: ContinuousClock.Instant) {
        found = found.filter { processes.contains($0.key) }
        for process in processes where found[process] == nil { found[process] = now }
    }

    /// Returns whether a process has ended and has not come back for a duration.
    func hasLost(_ process: ProcessID, for duration: Duration, now: ContinuousClock.Instant) -> Bool {
        found[process].map { now - $0 >= duration } ?? false
    }
}

extension RunEngine {
    /// The number of leases after which a lost process that owns no runs is forgotten. Until then, a request that it sent
    /// before it was suspended may make it the owner of a run.
    private static let forgottenLeaseMultiplier = 10

    /// Adds the owner of released runs to the lost processes. That there are released runs may not be announced, and
    /// another process may forget the announcement just before a run is released.
    func withReleased(_ lost: Set<ProcessID>) -> Set<ProcessID> {
        storage.capabilities.isShared ? lost.union([.released]) : lost
    }

    /// Forgets a process that owns no runs and will not own any. One that has come back in the meantime is kept.
    func forgetIfGone(_ process: ProcessID) async throws {
        let delay = process == .released ? .zero : configuration.lease * Self.forgottenLeaseMultiplier
        guard state.withLock({ $0.lostProcesses.hasLost(process, for: delay, now: now()) }) else { return }
        try await storage.coordination.forget(process)
    }
}
