// SPDX-License-Identifier: Apache-2.0

public import ACPStorage
public import Metrics
public import Tracing

/// The limits, timeouts and policies of a ``RunEngine``.
public struct EngineConfiguration: Sendable {
    /// The largest number of active runs, that is, of runs whose handlers work. Runs that await an answer do not count.
    public var maximumActiveRuns: Int
    /// The largest number of queued runs: those that wait until fewer runs are active, or for their turn in their
    /// session. Further runs are refused with ``RunEngineError`` code `tooManyRuns`.
    public var maximumQueuedRuns: Int
    /// How concurrent runs of one session are handled if the agent's ``AgentPolicy/sessionRuns`` is `nil`.
    public var sessionRuns: AgentPolicy.SessionRuns
    /// On shared storage, the time after the last heartbeat of this process at which other processes may take over its
    /// runs. Heartbeats are sent three times in that time.
    public var lease: Duration
    /// The time that a handler may continue after its run was cancelled. Then the run ends as cancelled, and any
    /// further output of the handler is discarded.
    public var cancellationGrace: Duration
    /// The time that active runs may continue after a shutdown has begun. See ``RunEngine/shutdown()`` for what happens
    /// then.
    public var shutdownGrace: Duration
    /// The time that a caller waits while the storage fails, before it gets the storage's error. It also bounds how
    /// long a shutdown tries to store the ends of runs. The run itself is not bounded by it: it waits until the storage
    /// works again.
    public var storageTimeout: Duration
    /// On durable storage, the time after which a run that awaits an answer leaves memory: its handler is cancelled, and
    /// runs again from the start when the answer arrives. Until then the process keeps little more than the run's id.
    ///
    /// This concerns agents whose ``AgentPolicy/leavesMemory`` allows it: by default, those that can be replayed. A run
    /// whose question has a deadline in the near future stays in memory. If `nil`, all runs stay in memory.
    public var awaitingRunsLeaveMemoryAfter: Duration?
    /// The id of this process among those that use the same storage.
    public var process: ProcessID
    /// Loads what other servers keep: messages and states of sessions that were moved here, and contents of message
    /// parts. If `nil`, loading throws ``LinkError`` with code `unavailable`; `ACPServer` loads over HTTP instead.
    public var resourceLoader: (any ResourceLoader)?
    /// The size in bytes above which the content of a message part is stored separately: once for the run, and once for
    /// its session's history. Events, snapshots, input and history refer to it. Agents and clients see complete parts.
    /// If `nil`, all contents are stored as part of their documents.
    public var inlineContentLimit: Int?
    /// Whether callers receive the description of any error that a handler throws. If `false`, they receive the code,
    /// message and data of an ``ACPError`` and the message of a ``LinkError``; for any other error they are referred to
    /// the server's log, which contains all errors in full. Descriptions may contain secrets, file names and host
    /// names: set this for development only.
    public var reportsErrorDescriptions: Bool
    /// How many messages, states and contents a run may load by URL. Loading more throws ``LinkError`` with code
    /// `too_many`.
    public var maximumLinkLoads: Int
    /// The total number of bytes that a run may load by URL. Loading more throws ``LinkError`` with code `too_large`.
    public var maximumLinkBytes: Int
    /// The largest number of messages on other servers that a session's history may refer to. A request that adds more
    /// is refused.
    public var maximumSessionLinks: Int
    /// Receives the metrics. If `nil`, the factory with which `MetricsSystem` was bootstrapped when the engine is created.
    public var metricsFactory: (any MetricsFactory)?
    /// Creates the spans of runs, of their handlers and of commits. If `nil`, the tracer with which `InstrumentationSystem`
    /// was bootstrapped when the engine is created.
    public var tracer: (any Tracer)?

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - maximumActiveRuns: The largest number of active runs, at least 1. Defaults to 1,000.
    ///   - maximumQueuedRuns: The largest number of queued runs. Defaults to 100.
    ///   - sessionRuns: How concurrent runs of one session are handled. Defaults to `overlap`.
    ///   - lease: The time after which the runs of a process without heartbeats may be taken over, at least 0.1
    ///     seconds. Defaults to 15 seconds.
    ///   - cancellationGrace: The time that a handler may continue after a cancellation. Defaults to 5 seconds.
    ///   - shutdownGrace: The time that runs may continue after a shutdown has begun. Defaults to 30 seconds.
    ///   - storageTimeout: The time that callers wait while the storage fails. Defaults to 10 seconds.
    ///   - awaitingRunsLeaveMemoryAfter: The time after which a run that awaits an answer leaves memory, at least 0.1
    ///     seconds. Defaults to 60 seconds.
    ///   - process: The id of this process. Defaults to a random one.
    ///   - resourceLoader: Loads what other servers keep. Defaults to none.
    ///   - inlineContentLimit: The size in bytes above which contents are stored separately, at least 256. Defaults to
    ///     65,536.
    ///   - reportsErrorDescriptions: Whether callers receive the descriptions of all errors. Defaults to `false`.
    ///   - maximumLinkLoads: How many resources a run may load by URL. Defaults to 1,000.
    ///   - maximumLinkBytes: How many bytes a run may load by URL. Defaults to 64 MiB.
    ///   - maximumSessionLinks: How many messages on other servers a session may refer to. Defaults to 10,000.
    ///   - metricsFactory: Receives the metrics. Defaults to that of `MetricsSystem`.
    ///   - tracer: Creates the spans. Defaults to that of `InstrumentationSystem`.
    public init(
        maximumActiveRuns: Int = 1_000,
        maximumQueuedRuns: Int = 100,
        sessionRuns: AgentPolicy.SessionRuns = .overlap,
        lease: Duration = .seconds(15),
        cancellationGrace: Duration = .seconds(5),
        shutdownGrace: Duration = .seconds(30),
        storageTimeout: Duration = .seconds(10),
        awaitingRunsLeaveMemoryAfter: Duration? = .seconds(60),
        process: ProcessID = ProcessID(),
        resourceLoader: (any ResourceLoader)? = nil,
        inlineContentLimit: Int? = 65_536,
        reportsErrorDescriptions: Bool = false,
        maximumLinkLoads: Int = 1_000,
        maximumLinkBytes: Int = 64 * 1_048_576,
        maximumSessionLinks: Int = 10_000,
        metricsFactory: (any MetricsFactory)? = nil,
        tracer: (any Tracer)? = nil
    ) {
        self.maximumActiveRuns = maximumActiveRuns
        self.maximumQueuedRuns = maximumQueuedRuns
        self.sessionRuns = sessionRuns
        self.lease = lease
        self.cancellationGrace = cancellationGrace
        self.shutdownGrace = shutdownGrace
        self.storageTimeout = storageTimeout
        self.awaitingRunsLeaveMemoryAfter = awaitingRunsLeaveMemoryAfter
        self.process = process
        self.resourceLoader = resourceLoader
        self.inlineContentLimit = inlineContentLimit
        self.reportsErrorDescriptions = reportsErrorDescriptions
        self.maximumLinkLoads = maximumLinkLoads
        self.maximumLinkBytes = maximumLinkBytes
        self.maximumSessionLinks = maximumSessionLinks
        self.metricsFactory = metricsFactory
        self.tracer = tracer
    }

    /// Checks the configuration. An engine does so before it runs as a service, and a server before it starts.
    ///
    /// - Throws: ``RunEngineError`` with code `invalidConfiguration` if a number or a duration is out of its range.
    public func validate() throws(RunEngineError) {
        let violation: String? =
            if maximumActiveRuns < 1 {
                "maximumActiveRuns is \(maximumActiveRuns): at least 1 run must be allowed"
            } else if maximumQueuedRuns < 0 {
                "maximumQueuedRuns is \(maximumQueuedRuns): use 0 for no queue"
            } else if lease < .milliseconds(100) {
                "lease is \(lease): use at least 0.1 seconds, so that it can be renewed in time"
            } else if [cancellationGrace, shutdownGrace, storageTimeout].contains(where: { $0 < .zero }) {
                "cancellationGrace, shutdownGrace and storageTimeout must not be negative"
            } else if let delay = awaitingRunsLeaveMemoryAfter, delay < .milliseconds(100) {
                "awaitingRunsLeaveMemoryAfter is \(delay): use at least 0.1 seconds, or nil to keep all runs in memory"
            } else if let inlineContentLimit, inlineContentLimit < 256 {
                "inlineContentLimit is \(inlineContentLimit): use at least 256 bytes, or nil to store all contents inline"
            } else if [maximumLinkLoads, maximumLinkBytes, maximumSessionLinks].contains(where: { $0 < 0 }) {
                "maximumLinkLoads, maximumLinkBytes and maximumSessionLinks must not be negative"
            } else {
                nil
            }
        if let violation { throw .invalidConfiguration(violation) }
    }
}
