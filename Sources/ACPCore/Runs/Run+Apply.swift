// SPDX-License-Identifier: Apache-2.0

extension Run {
    /// Brings the run up to date with an event that came after it.
    ///
    /// Folding all later events into an older run gives the run as it stands now: that is how storage reads a run from
    /// a snapshot and the events behind it, and how a client can keep a run up to date along a stream.
    ///
    /// ```swift
    /// for try await item in try await client.stream(agent: "writer", input: ["Tell me a story"]) {
    ///     run.apply(item.event)
    /// }
    /// ```
    public mutating func apply(_ event: Event) {
        switch event {
        case .runCreated(let run), .runInProgress(let run), .runAwaiting(let run), .runCompleted(let run),
            .runCancelled(let run), .runFailed(let run):
            self = run
        case .messageCreated(var message):
            // Some servers put all parts into this event and then send each again in its own: count them once.
            message.parts = []
            message.completedAt = nil
            output.append(message)
        case .messagePart(let part):
            if !lastMessageIsOpen {
                output.append(Message(role: .agent(agentName), parts: [], createdAt: nil, completedAt: nil))
            }
            output[output.count - 1].parts.append(part)
        case .messageCompleted(let message):
            // Without a message that was begun, this is a new one: it must not take the place of an earlier one.
            if lastMessageIsOpen { output[output.count - 1] = message } else { output.append(message) }
        case .generic, .error, .unknown:
            break
        }
    }

    private var lastMessageIsOpen: Bool { output.last?.isOpen ?? false }
}
