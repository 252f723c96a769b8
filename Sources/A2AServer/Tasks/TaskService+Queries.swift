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
            guard run.agentName == agent, call.access?.admits(run) ?? true else {
                throw A2AError.taskNotFound(A2A.TaskID(id))
            }
            return A2A.Task(run, input: try await input ?? [], historyLength: request.historyLength)
        }
    }

    func cancelTask(_ request: A2A.CancelTaskRequest, _ call: Call) async throws -> A2A.Task {
        try request.validate()
        let id = try run(of: request.id)
        return try await reporting(task: id) {
            let (_, eventCount) = try await stored(id, call)
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
        var query = RunStatusQuery(agent: agent)
        if let status = request.status, status != .unspecified { query.statuses = status.runStatuses }
        query.principal = call.access?.scope
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
            try await page(
                query, size: pageSize, historyLength: request.historyLength,
                includesArtifacts: request.includesArtifacts ?? false)
        }
    }

    /// The approximate number of bytes after which a page has no further tasks, also if it could have more of them.
    private static let pageBytes = 4_194_304

    /// Reads a page in chunks, whose size follows from that of the tasks before.
    private func page(
        _ query: RunStatusQuery, size pageSize: Int, historyLength: Int?, includesArtifacts: Bool
    ) async throws -> A2A.ListTasksResponse {
        var query = query
        var response = A2A.ListTasksResponse(tasks: [], nextPageToken: "", pageSize: pageSize, totalSize: 0)
        var chunk = ChunkSize(first: 16, limit: 100)
        var bytes = 0
        while true {
            let wanted = min(chunk.count, pageSize - response.tasks.count)
            // One more shows whether there is a next page.
            query.limit = wanted + 1
            let page = try await engine.runs(query)
            let runs = Array(page.items.prefix(wanted))
            let tasks = try await tasks(runs, historyLength: historyLength, includesArtifacts: includesArtifacts)
            response.tasks += tasks
            response.totalSize = page.total
            guard page.items.count > wanted, let last = runs.last else { return response }
            let position = RunStatusQuery.Position(last)
            let size = tasks.reduce(0) { $0 + $1.approximateSize }
            bytes += size
            guard response.tasks.count < pageSize, bytes < Self.pageBytes else {
                response.nextPageToken = position.pageToken
                return response
            }
            query.after = position
            chunk.note(items: tasks.count, bytes: size, wanted: Self.pageBytes - bytes)
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

extension A2A.Task {
    /// The approximate number of bytes of the task's JSON.
    fileprivate var approximateSize: Int {
        let parts = artifacts.reduce(0) { $0 + $1.parts.approximateSize }
        return 256 + history.reduce(parts) { $0 + $1.parts.approximateSize }
    }
}

extension [A2A.Part] {
    fileprivate var approximateSize: Int {
        reduce(128) { size, part in
            let content =
                switch part.content {
                case .text(let text): text.utf8.count
                case .raw(let bytes): Base64.count(of: bytes.count)
                case .url(let url): url.utf8.count
                case .data(let value): value.approximateSize
                case nil: 0
                }
            return size + content + (part.metadata.map { JSONValue.object($0).approximateSize } ?? 0) + 64
        }
    }
}

extension JSONValue {
    fileprivate var approximateSize: Int {
        switch self {
        case .string(let text): text.utf8.count + 3
        case .array(let elements): elements.reduce(2) { $0 + $1.approximateSize }
        case .object(let members): members.reduce(2) { $0 + $1.key.utf8.count + 4 + $1.value.approximateSize }
        default: 8
        }
    }
}
