// SPDX-License-Identifier: Apache-2.0

/// What `GET /processes` answers: the server processes that share a storage. Not part of the specification.
public struct ProcessesListResponse: Sendable, Hashable {
    public var processes: [ProcessDescription]

    public init(processes: [ProcessDescription]) { self.processes = processes }
}

/// One server process.
public struct ProcessDescription: Sendable, Hashable {
    /// Host, process number, and something random; `released` stands for runs that a process has handed over and nobody has
    /// taken yet.
    public var id: String
    /// Whether it gives signs of life. The runs of one that does not are taken over by others.
    public var isAlive: Bool
    /// Whether it is the one that answers.
    public var isCurrent: Bool
    /// How many runs it owns that have not ended.
    public var runCount: Int
    /// Those runs, at most 100 of them.
    public var runs: [RunID]

    public init(id: String, isAlive: Bool, isCurrent: Bool, runCount: Int, runs: [RunID]) {
        self.id = id
        self.isAlive = isAlive
        self.isCurrent = isCurrent
        self.runCount = runCount
        self.runs = runs
    }
}
