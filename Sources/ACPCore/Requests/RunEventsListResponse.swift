// SPDX-License-Identifier: Apache-2.0

/// The answer of `GET /runs/{run_id}/events`.
public struct RunEventsListResponse: Sendable, Hashable {
    public var events: [Event]
    /// The offset of the next page. `nil` if there are no more events now. Not part of the specification.
    public var nextOffset: Int?

    /// A page of events, and where the next one begins.
    public init(events: [Event], nextOffset: Int? = nil) {
        self.events = events
        self.nextOffset = nextOffset
    }
}
