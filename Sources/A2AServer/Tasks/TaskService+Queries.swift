// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage

/// Getting, listing and canceling tasks.
extension TaskService {
    func getTask(_ request: A2A.GetTaskRequest, _ call: Call) async throws -> A2A.Task {
        try request.validate()
        let id = try run(of: request.id)
        return try await reporting(task: id) {
            async let stored = engine.fetchRun(id)
            async let input = request.historyLength == 0 ? nil : engine.storage.input(of: id)
            let run = try await stored
            guard run.agentName == agent else { throw A2AError.taskNotFound(request.id) }
            return A2A.Task(run, input: try await input ?? [], historyLength: request.historyLength)
        }
    }

    func cancelTask(_ request: A2A.CancelTaskRequest, _ call: Call) async throws -> A2A.Task {
        try request.validate()
        let id = try run(of: request.id)
        return try await reporting(task: id) {
            let (_, eventCount) = try await stored(id)
            let cancelling = try await engine.cancel(id)
            let ended = try await end(of: id, after: eventCount)
            return try await task(ended ?? cancelling, historyLength: nil)
        }
    }

    /// Waits for the end of a run whose cancellation was requested, for as long as its handler may continue.
    ///
    /// - Returns: The run at its end, or `nil` if it has not ended in time.
    private func end(of id: RunID, after eventCount: Int) async throws -> Run? {
        try await withThrowingTaskGroup(of: Run?.self) { group in
            group.addTask {
                for try await batch in engine.follow(id, from: eventCount) {
                    guard let last = batch.events.last, last.kind.isTerminal else { continue }
                    return try last.decode().run
                }
                // It had ended before.
                return try await engine.fetchRun(id)
            }
            group.addTask {
                try await Task.sleep(for: engine.configuration.cancellationGrace)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    // MARK: - Lists

    func listTasks(_ request: A2A.ListTasksRequest, _ call: Call) async throws -> A2A.ListTasksResponse {
        try request.validate()
        let pageSize = request.pageSize ?? 50
        var query = RunStatusQuery(agent: agent, limit: pageSize + 1)
        if let status = request.status, status != .unspecified { query.statuses = status.runStatuses }
        query.session = try session(of: request.contextID, in: "contextId")
        query.changedSince = request.statusTimestampAfter
        if let token = request.pageToken {
            guard let position = RunStatusQuery.Position(pageToken: token) else {
                throw A2AError.invalid(
                    "pageToken", "this is no token of this server: send the nextPageToken of the last page")
            }
            query.after = position
        }
        return try await reporting {
            let page = try await engine.runs(query)
            let runs = page.items.prefix(pageSize)
            let tasks = try await tasks(
                Array(runs), historyLength: request.historyLength,
                includesArtifacts: request.includesArtifacts ?? false)
            let hasMore = page.items.count > pageSize
            return A2A.ListTasksResponse(
                tasks: tasks,
                nextPageToken: hasMore ? runs.last.map { RunStatusQuery.Position($0).pageToken } ?? "" : "",
                pageSize: pageSize, totalSize: page.total)
        }
    }

    /// The largest number of inputs that are read at the same time for a list.
    private static let parallelReads = 8

    private func tasks(_ runs: [Run], historyLength: Int?, includesArtifacts: Bool) async throws -> [A2A.Task] {
        try await withThrowingTaskGroup(of: (Int, A2A.Task).self) { group in
            var tasks: [A2A.Task?] = runs.map { _ in nil }
            for (index, run) in runs.enumerated() {
                if index >= Self.parallelReads, let (done, task) = try await group.next() { tasks[done] = task }
                group.addTask {
                    let task = try await task(
                        run, historyLength: historyLength, includesArtifacts: includesArtifacts)
                    return (index, task)
                }
            }
            for try await (done, task) in group { tasks[done] = task }
            return tasks.compactMap(\.self)
        }
    }
}

extension RunStatusQuery.Position {
    /// The position as text, in which clients need not read anything.
    var pageToken: String { Base64.urlText(Array("\(changedAt.microseconds) \(run)".utf8)) }

    /// Creates the position of a page token. Returns `nil` if it is none.
    init?(pageToken: String) {
        guard let bytes = Base64.bytes(pageToken) else { return nil }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 2, let microseconds = Int64(fields[0]), let run = RunID(rawValue: String(fields[1]))
        else { return nil }
        self.init(changedAt: Timestamp(microseconds: microseconds), run: run)
    }
}
