// SPDX-License-Identifier: Apache-2.0

/// The answer of `GET /runs`, an addition of this server.
public struct RunsListResponse: Sendable, Hashable {
    /// One page of runs, newest first.
    public var runs: [Run]
    /// How many there are on all pages.
    public var total: Int
    /// The offset of the next page. `nil` if there is none, or if the server does not tell.
    public var nextOffset: Int?

    /// A page of runs, how many there are in all, and where the next page begins.
    public init(runs: [Run], total: Int, nextOffset: Int? = nil) {
        self.runs = runs
        self.total = total
        self.nextOffset = nextOffset
    }
}
