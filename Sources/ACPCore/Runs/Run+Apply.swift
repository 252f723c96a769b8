// SPDX-License-Identifier: Apache-2.0

extension Run {
    /// Updates the run with an event that followed it.
    ///
    /// Applying all later events to an older state of a run yields its current state. A storage reads a run in this way
    /// from a snapshot and the events after it, and a client can keep a run up to date while it reads a stream.
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
            // Some servers put all parts into this event and then send each again in an event of its own: count them
            // once.
            message.parts = []
            message.completedAt = nil
            output.append(message)
        case .messagePart(let part):
            if !lastMessageIsOpen {
                output.append(Message(role: .agent(agentName), parts: [], createdAt: nil, completedAt: nil))
            }
            output[output.count - 1].parts.append(part)
        case .messageCompleted(let message):
            // Without an open message, this is a new one: it must not replace an earlier one.
            if lastMessageIsOpen { output[output.count - 1] = message } else { output.append(message) }
        case .generic, .error, .unknown:
            break
        }
    }

    private var lastMessageIsOpen: Bool { output.last?.isOpen ?? false }
}
