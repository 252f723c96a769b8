// SPDX-License-Identifier: Apache-2.0

public import ACPStorage

/// How a ``RunEngine`` behaves.
public struct EngineConfiguration: Sendable {
    /// How many runs may run at the same time. Runs that await an answer do not count.
    public var maximumRunningRuns: Int
    /// How many runs may wait for a place, or for their turn in their session. More are refused.
    public var maximumWaitingRuns: Int
    /// What happens to runs of one session at the same time, where the agent's ``AgentPolicy/sessionRuns`` does not say it.
    public var sessionRuns: AgentPolicy.SessionRuns
    /// On storage that is shared: how long other processes wait for a sign of life of this one before they take over its
    /// runs. It gives one three times in that time.
    public var lease: Duration
    /// How long a handler may go on after its run was cancelled. Then the run counts as cancelled, and what the handler
    /// still says is dropped.
    public var cancellationGrace: Duration
    /// How long runs may go on after the process was told to end. What becomes of the rest, ``RunEngine/shutdown()`` says.
    public var shutdownGrace: Duration
    /// How long a caller waits while the storage fails. The run itself waits for the storage as long as it takes.
    public var storagePatience: Duration
    /// Names this process among those on the same storage.
    public var process: ProcessID
    /// Loads what other servers keep: messages and states of sessions that came from there, and the content of message parts.
    /// Nil refuses to. `ACPServer` loads over HTTP if this is nil.
    public var resourceLoader: (any ResourceLoader)?
    /// Contents of message parts that have more bytes than this are stored once for the run, and once for its session's history;
    /// events, snapshots, input and history refer to them. Agents and clients see nothing of it. Nil stores everything where it
    /// stands.
    public var inlineContentLimit: Int?
    /// Whether callers are told the description of any error that a handler throws. If `false`, they are told the code, message
    /// and data of an ``ACPError`` and what a ``LinkError`` says; for any other error they are referred to the server's log, which
    /// has all errors in full. Descriptions may hold secrets and names of files and hosts: set this for development only.
    public var reportsErrorDescriptions: Bool
    /// How many things a run may load by URL: messages and states that other servers keep, and contents. Loading more throws
    /// ``LinkError`` with code `too_many`.
    public var maximumLinkLoads: Int
    /// How many bytes a run may load by URL, all together. Loading more throws ``LinkError`` with code `too_large`.
    public var maximumLinkBytes: Int
    /// How many messages of other servers the history of a session may refer to. A request that brings more is refused.
    public var maximumSessionLinks: Int

    /// - Parameters:
    ///   - maximumRunningRuns: 1,000 unless said otherwise.
    ///   - maximumWaitingRuns: 100 unless said otherwise.
    ///   - sessionRuns: They overlap unless said otherwise.
    ///   - lease: 15 seconds unless said otherwise, and at least 0.1.
    ///   - cancellationGrace: 5 seconds unless said otherwise.
    ///   - shutdownGrace: 30 seconds unless said otherwise.
    ///   - storagePatience: 10 seconds unless said otherwise.
    ///   - process: A random one unless said otherwise.
    ///   - resourceLoader: None unless said otherwise.
    ///   - inlineContentLimit: 65,536 bytes unless said otherwise, and at least 256.
    ///   - reportsErrorDescriptions: Defaults to `false`.
    ///   - maximumLinkLoads: Defaults to 1,000.
    ///   - maximumLinkBytes: Defaults to 64 MiB.
    ///   - maximumSessionLinks: Defaults to 10,000.
    public init(
        maximumRunningRuns: Int = 1_000,
        maximumWaitingRuns: Int = 100,
        sessionRuns: AgentPolicy.SessionRuns = .overlap,
        lease: Duration = .seconds(15),
        cancellationGrace: Duration = .seconds(5),
        shutdownGrace: Duration = .seconds(30),
        storagePatience: Duration = .seconds(10),
        process: ProcessID = ProcessID(),
        resourceLoader: (any ResourceLoader)? = nil,
        inlineContentLimit: Int? = 65_536,
        reportsErrorDescriptions: Bool = false,
        maximumLinkLoads: Int = 1_000,
        maximumLinkBytes: Int = 64 * 1_048_576,
        maximumSessionLinks: Int = 10_000
    ) {
        self.maximumRunningRuns = max(1, maximumRunningRuns)
        self.maximumWaitingRuns = max(0, maximumWaitingRuns)
        self.sessionRuns = sessionRuns
        self.lease = max(.milliseconds(100), lease)
        self.cancellationGrace = cancellationGrace
        self.shutdownGrace = shutdownGrace
        self.storagePatience = storagePatience
        self.process = process
        self.resourceLoader = resourceLoader
        self.inlineContentLimit = inlineContentLimit
        self.reportsErrorDescriptions = reportsErrorDescriptions
        self.maximumLinkLoads = max(0, maximumLinkLoads)
        self.maximumLinkBytes = max(0, maximumLinkBytes)
        self.maximumSessionLinks = max(0, maximumSessionLinks)
    }
}
