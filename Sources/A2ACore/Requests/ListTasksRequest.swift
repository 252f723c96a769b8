// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// Asks for the tasks that match a filter, a page at a time.
    public struct ListTasksRequest: Sendable, Hashable {
        /// The tenant of the interface that the request goes to, if the agent card gives it one.
        public var tenant: String?
        /// The conversation whose tasks are returned. If `nil`, those of all conversations are.
        public var contextID: ContextID?
        /// The state that the tasks are in. If `nil`, they may be in any.
        public var status: TaskState?
        /// How many tasks to return at most, 1 to 100. If `nil`, 50 are.
        public var pageSize: Int?
        /// Where to continue: ``ListTasksResponse/nextPageToken`` of the page before. If `nil`, the first page is returned.
        public var pageToken: String?
        /// How many messages of its history each task holds at most, the newest ones. If `nil`, there is no limit; if 0, it
        /// holds none.
        public var historyLength: Int?
        /// The earliest time of the status of a task that is returned. If `nil`, it may have any.
        public var statusTimestampAfter: Timestamp?
        /// Whether the tasks hold their artifacts. If `nil`, they do not.
        public var includesArtifacts: Bool?

        /// Creates a request.
        public init(
            tenant: String? = nil,
            contextID: ContextID? = nil,
            status: TaskState? = nil,
            pageSize: Int? = nil,
            pageToken: String? = nil,
            historyLength: Int? = nil,
            statusTimestampAfter: Timestamp? = nil,
            includesArtifacts: Bool? = nil
        ) {
            self.tenant = tenant
            self.contextID = contextID
            self.status = status
            self.pageSize = pageSize
            self.pageToken = pageToken
            self.historyLength = historyLength
            self.statusTimestampAfter = statusTimestampAfter
            self.includesArtifacts = includesArtifacts
        }
    }
}
