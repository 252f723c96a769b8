// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

extension A2AClient {
    /// Returns the current state of a task.
    ///
    /// - Parameters:
    ///   - id: The task.
    ///   - historyLength: How many messages of the history the task contains at most, the newest ones. If `nil`, there
    ///     is no limit; if 0, it contains none.
    /// - Throws: ``A2AClientError`` with code `serverError` and the server's code `taskNotFound` if the task does not
    ///   exist.
    public func task(_ id: A2A.TaskID, historyLength: Int? = nil) async throws -> A2A.Task {
        try await link.call(
            .getTask, A2A.GetTaskRequest(id: id, historyLength: historyLength), as: A2A.Task.self)
    }

    /// Returns a page of the tasks that match a query, those with the newest status first.
    ///
    /// - Parameter query: The filters, the size of the page and where it begins. Defaults to the first page of all
    ///   tasks.
    public func tasks(_ query: A2A.ListTasksRequest = A2A.ListTasksRequest()) async throws -> A2A.ListTasksResponse {
        try await link.call(.listTasks, query, as: A2A.ListTasksResponse.self)
    }

    /// Returns the tasks that match a query, which are read page by page as they are needed.
    ///
    /// A task whose status changes meanwhile may be missing, since the tasks are ordered by the time of their status.
    /// No task is returned twice.
    ///
    /// ```swift
    /// for try await task in client.allTasks(A2A.ListTasksRequest(status: .inputRequired)) { print(task.id) }
    /// ```
    ///
    /// - Parameter query: The filters, the size of the pages and where the first one begins. Defaults to all tasks.
    public func allTasks(_ query: A2A.ListTasksRequest = A2A.ListTasksRequest()) -> TaskSequence {
        TaskSequence(client: self, query: query)
    }

    /// Requests the cancellation of a task.
    ///
    /// - Parameters:
    ///   - id: The task.
    ///   - metadata: Data of extensions and applications. If `nil`, there is none.
    /// - Returns: The task at that time.
    /// - Throws: ``A2AClientError`` with code `serverError` and the server's code `taskNotCancelable` if the task has
    ///   ended.
    @discardableResult
    public func cancelTask(_ id: A2A.TaskID, metadata: JSONObject? = nil) async throws -> A2A.Task {
        try await link.call(
            .cancelTask, A2A.CancelTaskRequest(id: id, metadata: metadata), as: A2A.Task.self)
    }

    /// Returns a stream of the events of a task: first its current state, then the events as they happen, until it
    /// ends.
    ///
    /// The stream connects when its first element is requested, and reconnects whenever the connection is lost. Its
    /// only element is the task if the task has ended.
    ///
    /// - Parameters:
    ///   - id: The task.
    ///   - eventID: The id of the last event that is already known, from ``TaskStream/lastEventID``. Servers of this
    ///     package then send the events after it instead of the current state. If `nil`, the stream begins with the
    ///     current state.
    public func subscribe(to id: A2A.TaskID, after eventID: String? = nil) -> TaskStream {
        TaskStream(
            link: link, endpoint: nil, start: .subscription,
            progress: StreamProgress(taskID: id, lastEventID: eventID, milestone: .terminal))
    }
}

/// The tasks that match a query, read page by page.
public struct TaskSequence: AsyncSequence, Sendable {
    /// A task.
    public typealias Element = A2A.Task

    let client: A2AClient
    let query: A2A.ListTasksRequest

    /// Returns an iterator that begins with the first page.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(client: client, query: query) }

    /// An iterator over the tasks of all pages.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let client: A2AClient
        private var query: A2A.ListTasksRequest
        private var isLastPage = false
        /// The tasks of the current page that have not been returned, in reverse order.
        private var page: [A2A.Task] = []
        private var known: Set<A2A.TaskID> = []

        init(client: A2AClient, query: A2A.ListTasksRequest) {
            self.client = client
            self.query = query
        }

        /// Returns the next task, or `nil` after the last one.
        public mutating func next() async throws -> A2A.Task? {
            while true {
                while let task = page.popLast() {
                    if known.insert(task.id).inserted { return task }
                }
                if isLastPage { return nil }
                let response = try await client.tasks(query)
                page = response.tasks.reversed()
                // A server that ignores the token would return its first page forever.
                isLastPage = response.nextPageToken.isEmpty || response.nextPageToken == query.pageToken
                query.pageToken = response.nextPageToken
            }
        }
    }
}
