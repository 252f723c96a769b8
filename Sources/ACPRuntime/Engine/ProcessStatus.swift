// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// A process on the storage.
public struct ProcessStatus: Sendable, Hashable {
    public let id: ProcessID
    /// Whether its heartbeat has not run out.
    public let isAlive: Bool
    /// Its runs that have not ended, at most 10,000 of them.
    public let runs: [RunID]
}
