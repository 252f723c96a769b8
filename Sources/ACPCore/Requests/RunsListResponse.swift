// SPDX-License-Identifier: Apache-2.0

/// The response to `GET /runs`. Not part of the specification.
public struct RunsListResponse: Sendable, Hashable {
    /// One page of runs, newest first.
    public var runs: [Run]
    /// The number of runs on all pages.
    public var total: Int
    /// The offset of the next page. If `nil`, this is the last page, or the server does not report offsets.
    public var nextOffset: Int?

    /// Creates a page of runs.
    ///
    /// - Parameters:
    ///   - runs: The runs of the page, newest first.
    ///   - total: The number of runs on all pages.
    ///   - nextOffset: The offset of the next page. Defaults to `nil`.
    public init(runs: [Run], total: Int, nextOffset: Int? = nil) {
        self.runs = runs
        self.total = total
        self.nextOffset = nextOffset
    }
}
