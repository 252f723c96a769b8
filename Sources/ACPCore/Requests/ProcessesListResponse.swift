// SPDX-License-Identifier: Apache-2.0

/// The response to `GET /processes`: the server processes that share a storage. Not part of the specification.
public struct ProcessesListResponse: Sendable, Hashable {
    /// The processes on the storage.
    public var processes: [ProcessDescription]

    /// Creates a list of processes.
    public init(processes: [ProcessDescription]) { self.processes = processes }
}

/// One server process.
public struct ProcessDescription: Sendable, Hashable {
    /// The id of the process: its host, its process number, and random characters.
    ///
    /// The id `released` holds the runs that a process has released and no other process has claimed yet.
    public var id: String
    /// Whether the heartbeat of the process is current. The runs of a process without one are taken over by others.
    public var isAlive: Bool
    /// Whether this is the process that sent the response.
    public var isCurrent: Bool
    /// How many unfinished runs the process owns.
    public var runCount: Int
    /// The ids of those runs, at most 100 of them.
    public var runs: [RunID]

    /// Creates a description of a process from all its properties.
    public init(id: String, isAlive: Bool, isCurrent: Bool, runCount: Int, runs: [RunID]) {
        self.id = id
        self.isAlive = isAlive
        self.isCurrent = isCurrent
        self.runCount = runCount
        self.runs = runs
    }
}
