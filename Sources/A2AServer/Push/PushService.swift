// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPLinks
import ACPRuntime
import ACPStorage
import Logging

/// The methods about push notification configurations, for the tasks of all agents.
///
/// A configuration is stored as a companion of the task's run, which delivers its events (``PushAgent``). So it is shared
/// by all processes that use the storage, and another one continues if the process that delivers has ended.
///
/// Create the service when the server starts: from then on, this process takes deliveries over from others.
struct PushService: Sendable {
    let engine: RunEngine
    let configuration: PushConfiguration
    private let poster: LinkPoster

    /// Creates the service, and adds its agent to the engine, unless the engine has it already.
    ///
    /// - Parameters:
    ///   - engine: The engine that executes the tasks.
    ///   - configuration: How notifications are sent. Defaults to ``PushConfiguration`` without arguments.
    ///   - logger: Receives a warning for each notification that is given up, at most one per interval.
    init(
        engine: RunEngine, configuration: PushConfiguration = PushConfiguration(),
        logger: Logger = Logger(label: "a2a.push")
    ) {
        self.engine = engine
        self.configuration = configuration
        poster = LinkPoster(configuration: configuration.links)
        engine.addCompanionAgent(PushAgent(configuration: configuration, poster: poster, logger: logger))
    }

    /// Checks a configuration without storing it.
    ///
    /// - Throws: ``A2AError`` with code `invalidParams`, with the fields that have wrong values.
    func validate(_ config: A2A.TaskPushNotificationConfig) throws(A2AError) {
        try PushConfigCheck(poster).check(config)
    }

    /// Stores a configuration in place of the one with the same id, if there is one.
    ///
    /// - Parameters:
    ///   - config: The configuration. If it has no id, it gets a random one.
    ///   - start: The index of the first event that is delivered. If `nil`, it is the one that follows the last event of
    ///     the task.
    /// - Returns: The configuration as it is stored.
    /// - Throws: ``A2AError``: `taskNotFound`, `invalidParams`, `unavailable`; `CancellationError`.
    func create(
        _ config: A2A.TaskPushNotificationConfig, from start: Int? = nil
    ) async throws -> A2A.TaskPushNotificationConfig {
        try validate(config)
        guard let task = config.taskID else { throw A2AError.invalid("taskId", "a value is required") }
        return try await reporting(task) { run in
            let eventCount = try await engine.eventCount(of: run)
            if eventCount == 0 { try await engine.requireRun(run) }
            var config = config
            let id = config.id ?? A2A.PushConfigID()
            config.id = id
            if try await engine.companionCount(of: run) >= configuration.maximumConfigurations,
                try await engine.companion(of: run, key: id.rawValue) == nil
            {
                throw A2AError.invalid(
                    "taskId",
                    "the task has \(configuration.maximumConfigurations) push notification configurations, which is the "
                        + "limit: delete one first")
            }
            _ = try await engine.startCompanion(
                of: run, key: id.rawValue, agent: PushAgent.name,
                input: try PushJob(config, from: start ?? eventCount).json())
            return config
        }
    }

    /// Returns a configuration.
    ///
    /// - Throws: ``A2AError``: `taskNotFound` if there is no such task or configuration; `unavailable`.
    func get(_ request: A2A.GetTaskPushNotificationConfigRequest) async throws -> A2A.TaskPushNotificationConfig {
        try request.validate()
        return try await reporting(request.taskID) { run in
            async let exists: Void = engine.requireRun(run)
            let companion = try await engine.companion(of: run, key: request.id.rawValue)
            try await exists
            guard let companion else {
                throw A2AError(
                    .taskNotFound,
                    "task \(run) has no push notification configuration \(request.id.rawValue.prefix(140))",
                    metadata: ["taskId": run.rawValue])
            }
            return try PushJob(companion.input).config
        }
    }

    /// Returns one page of the configurations of a task, the oldest first.
    ///
    /// - Throws: ``A2AError``: `taskNotFound` if there is no such task; `invalidParams`; `unavailable`.
    func list(
        _ request: A2A.ListTaskPushNotificationConfigsRequest
    ) async throws -> A2A.ListTaskPushNotificationConfigsResponse {
        try request.validate()
        var start = Position(createdAt: Timestamp(microseconds: .min), key: "")
        if let token = request.pageToken {
            guard let position = Position(pageToken: token) else {
                throw A2AError.invalid(
                    "pageToken", "this is no token of this server: send the nextPageToken of the last page")
            }
            start = position
        }
        return try await reporting(request.taskID) { run in
            async let exists: Void = engine.requireRun(run)
            let companions = try await engine.companions(of: run)
            try await exists
            let rest = companions.map { (position: Position(createdAt: $0.createdAt, key: $0.key), companion: $0) }
                .filter { $0.position > start }.sorted { $0.position < $1.position }
            let pageSize = min(request.pageSize.flatMap { $0 > 0 ? $0 : nil } ?? 100, 100)
            let page = rest.prefix(pageSize)
            return A2A.ListTaskPushNotificationConfigsResponse(
                configs: try page.map { try PushJob($0.companion.input).config },
                nextPageToken: rest.count > pageSize ? page.last?.position.pageToken : nil)
        }
    }

    /// Deletes a configuration, and stops its deliveries. Has no effect if the task has no such configuration.
    ///
    /// - Throws: ``A2AError``: `taskNotFound` if there is no such task; `unavailable`.
    func delete(_ request: A2A.DeleteTaskPushNotificationConfigRequest) async throws {
        try request.validate()
        try await reporting(request.taskID) { run in
            try await engine.requireRun(run)
            try await engine.deleteCompanion(of: run, key: request.id.rawValue)
        }
    }

    /// Performs a call about a task, and throws the errors of the engine as errors of the protocol.
    private func reporting<Result>(_ task: A2A.TaskID, _ body: (RunID) async throws -> Result) async throws -> Result {
        guard let run = RunID(rawValue: task.rawValue) else { throw A2AError.taskNotFound(task) }
        do {
            return try await body(run)
        } catch let error as RunEngineError {
            throw A2AError(error, task: run)
        } catch let error as ACPError {
            throw A2AError(.internalError, error.message)
        }
    }

    /// A position in the list of a task's configurations.
    private struct Position: Comparable {
        let createdAt: Timestamp
        let key: String

        init(createdAt: Timestamp, key: String) { (self.createdAt, self.key) = (createdAt, key) }

        /// Creates the position of a page token. Returns `nil` if it is none.
        init?(pageToken: String) {
            guard let bytes = Base64.bytes(pageToken) else { return nil }
            let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ", maxSplits: 1)
            guard fields.count == 2, let microseconds = Int64(fields[0]) else { return nil }
            self.init(createdAt: Timestamp(microseconds: microseconds), key: String(fields[1]))
        }

        var pageToken: String { Base64.urlText(Array("\(createdAt.microseconds) \(key)".utf8)) }

        static func < (left: Position, right: Position) -> Bool {
            left.createdAt == right.createdAt ? left.key < right.key : left.createdAt < right.createdAt
        }
    }
}
