// SPDX-License-Identifier: Apache-2.0

/// The response to `GET /runs/{run_id}/events`.
public struct RunEventsListResponse: Sendable, Hashable {
    /// One page of events, oldest first.
    public var events: [Event]
    /// The offset of the next page. If `nil`, there are no more events now. Not part of the specification.
    public var nextOffset: Int?

    /// Creates a page of events.
    ///
    /// - Parameters:
    ///   - events: The events of the page, oldest first.
    ///   - nextOffset: The offset of the next page. If `nil`, there are no more events now.
    public init(events: [Event], nextOffset: Int? = nil) {
        self.events = events
        self.nextOffset = nextOffset
    }
}
