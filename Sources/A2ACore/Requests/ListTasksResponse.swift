// SPDX-License-Identifier: Apache-2.0

extension A2A {
    /// A page of tasks. All of its fields are always written.
    public struct ListTasksResponse: Sendable, Hashable {
        /// The tasks, those with the newest status first.
        public var tasks: [Task]
        /// Where the next page begins. If empty, this is the last one.
        public var nextPageToken: String
        /// How many tasks a page has at most.
        public var pageSize: Int
        /// How many tasks match, on all pages.
        public var totalSize: Int

        /// Creates a response.
        public init(tasks: [Task], nextPageToken: String, pageSize: Int, totalSize: Int) {
            self.tasks = tasks
            self.nextPageToken = nextPageToken
            self.pageSize = pageSize
            self.totalSize = totalSize
        }
    }
}
