// SPDX-License-Identifier: Apache-2.0

public import ACPCore
public import ACPStorage

/// The state of a process that uses the storage.
public struct ProcessStatus: Sendable, Hashable {
    /// The process's id.
    public let id: ProcessID
    /// Whether its heartbeat has not expired.
    public let isAlive: Bool
    /// The runs that it owns and that have not ended, at most 10,000 of them.
    public let runs: [RunID]
}
