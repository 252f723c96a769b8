// SPDX-License-Identifier: Apache-2.0

/// The metrics of servers, engines and storages.
///
/// The raw value is the name that is passed to swift-metrics and that Prometheus uses. Names of durations end in
/// `_seconds`, those of sizes in `_bytes`, and those of counters in `_total`.
public enum MetricName: String, CaseIterable, Sendable {
    // MARK: Requests

    /// Counts responses, by `method`, `route` and `status`.
    case httpRequests = "acp_http_requests_total"
    /// The time until a response begins, by `method` and `route`.
    case httpRequestDuration = "acp_http_request_duration_seconds"
    /// Counts requests that were rejected before they reached a route, by `status`.
    case httpRejections = "acp_http_rejections_total"
    /// The number of open connections.
    case httpConnections = "acp_http_connections"
    /// The number of event streams that clients follow.
    case eventStreams = "acp_event_streams"

    // MARK: Runs

    /// Counts runs that were created, by `agent`.
    case runsCreated = "acp_runs_created_total"
    /// Counts runs that were not created, by `reason`.
    case runsRefused = "acp_runs_refused_total"
    /// Counts runs whose end was stored, by `agent` and `outcome`.
    case runsEnded = "acp_runs_ended_total"
    /// The time from the creation of a run to its end, by `agent`.
    case runDuration = "acp_run_duration_seconds"
    /// Counts runs that were taken over from other processes, by `action`.
    case runsTakenOver = "acp_runs_taken_over_total"
    /// Counts runs that this process has lost to another one, or cannot write any more.
    case runsAbandoned = "acp_runs_abandoned_total"
    /// The number of runs whose handlers work.
    case runsActive = "acp_runs_active"
    /// The largest number of active runs.
    case runsActiveLimit = "acp_runs_active_limit"
    /// The number of runs that wait for capacity or for their turn in their session.
    case runsQueued = "acp_runs_queued"
    /// The number of runs that await an answer.
    case runsAwaiting = "acp_runs_awaiting"

    // MARK: Storage

    /// Counts events that were stored.
    case events = "acp_events_total"
    /// The duration of commits.
    case commitDuration = "acp_commit_duration_seconds"
    /// The number of events of a commit.
    case commitEvents = "acp_commit_events"
    /// The size of the documents of a commit.
    case commitSize = "acp_commit_size_bytes"
    /// Counts errors of the storage, by `operation` and `code`.
    case storageErrors = "acp_storage_errors_total"
    /// The number of connections to PostgreSQL, by `state`.
    case postgresConnections = "acp_postgres_connections"
    /// The number of calls that wait for a connection to PostgreSQL.
    case postgresWaiters = "acp_postgres_waiters"
    /// Counts connections to PostgreSQL that could not be made.
    case postgresConnectFailures = "acp_postgres_connect_failures_total"
    /// The number of connections to Redis, by `pool` and, if there are several, by `server`.
    case redisConnections = "redis_client_connections"
    /// The number of calls that wait for a connection to Redis, by `pool` and, if there are several, by `server`.
    case redisWaiters = "redis_client_waiters"
    /// Counts connections to Redis that could not be made, by `pool` and, if there are several, by `server`.
    case redisConnectFailures = "redis_client_connect_failures_total"
    /// Counts commands to Redis.
    case redisCommands = "redis_client_commands_total"
    /// The duration of requests to Redis, retries included.
    case redisLatency = "redis_client_latency_seconds"
    /// Counts errors of requests to Redis, by `code`.
    case redisErrors = "redis_client_errors_total"

    // MARK: Processes

    /// Counts heartbeats, by `result`.
    case heartbeats = "acp_heartbeats_total"
    /// The time until other processes may take over the runs of this one.
    case leaseRemaining = "acp_lease_remaining_seconds"
    /// Counts leases that expired before they were renewed.
    case leaseExpirations = "acp_lease_expirations_total"
    /// The memory of the process.
    case residentMemory = "process_resident_memory_bytes"
    /// The processor time of the process.
    case processorTime = "process_cpu_seconds_total"
    /// The number of open file descriptors of the process.
    case openFiles = "process_open_fds"
    /// The largest number of file descriptors of the process.
    case maximumFiles = "process_max_fds"
    /// The time at which the process started, in seconds since 1970.
    case startTime = "process_start_time_seconds"

    /// What the metric measures, in one sentence.
    public var help: String {
        switch self {
        case .httpRequests: "Responses, by method, route and status."
        case .httpRequestDuration: "Time until a response begins."
        case .httpRejections: "Requests that were rejected before they reached a route."
        case .httpConnections: "Open connections."
        case .eventStreams: "Event streams that clients follow."
        case .runsCreated: "Runs that were created."
        case .runsRefused: "Runs that were not created."
        case .runsEnded: "Runs whose end was stored."
        case .runDuration: "Time from the creation of a run to its end."
        case .runsTakenOver: "Runs that were taken over from other processes."
        case .runsAbandoned: "Runs that this process has lost to another one, or cannot write any more."
        case .runsActive: "Runs whose handlers work."
        case .runsActiveLimit: "Largest number of active runs."
        case .runsQueued: "Runs that wait for capacity or for their turn in their session."
        case .runsAwaiting: "Runs that await an answer."
        case .events: "Events that were stored."
        case .commitDuration: "Duration of commits."
        case .commitEvents: "Events of a commit."
        case .commitSize: "Size of the documents of a commit."
        case .storageErrors: "Errors of the storage."
        case .postgresConnections: "Connections to PostgreSQL."
        case .postgresWaiters: "Calls that wait for a connection to PostgreSQL."
        case .postgresConnectFailures: "Connections to PostgreSQL that could not be made."
        case .redisConnections: "Connections to Redis."
        case .redisWaiters: "Calls that wait for a connection to Redis."
        case .redisConnectFailures: "Connections to Redis that could not be made."
        case .redisCommands: "Commands to Redis."
        case .redisLatency: "Duration of requests to Redis, retries included."
        case .redisErrors: "Errors of requests to Redis."
        case .heartbeats: "Heartbeats of this process."
        case .leaseRemaining: "Time until other processes may take over the runs of this one."
        case .leaseExpirations: "Leases that expired before they were renewed."
        case .residentMemory: "Resident memory of the process."
        case .processorTime: "Processor time of the process."
        case .openFiles: "Open file descriptors of the process."
        case .maximumFiles: "Largest number of file descriptors of the process."
        case .startTime: "Start of the process, in seconds since 1970."
        }
    }
}
