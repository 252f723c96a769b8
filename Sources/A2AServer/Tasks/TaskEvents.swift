// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPStorage

/// Turns the events of a run into the elements of a stream of its task. The result depends on the events alone, so that
/// all subscribers get the same, in whatever portions they read the events.
struct TaskEvents: Sendable {
    /// Returns the elements for an event, if it has any.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - index: The index of the event, which follows that of the event before.
    mutating func responses(to event: EncodedEvent, at index: Int) throws -> [A2A.StreamResponse] { [] }
}
