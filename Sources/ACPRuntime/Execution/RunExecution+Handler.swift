// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What the handler does through its ``RunContext``.
extension RunExecution {
    func yield(_ part: MessagePart) async throws {
        try part.validate()
        try await write { composer in try composer.add(part, now: .now) }
    }

    func yield(_ message: Message) async throws {
        try message.validate()
        try await write { composer in try composer.add(message, now: .now) }
    }

    func yield(generic value: JSONValue) async throws {
        let event = try EncodedEvent(.generic(value))
        try await write { _ in [event] }
    }

    func completeMessage() async throws {
        try await write { composer in try composer.completeMessage(now: .now).map { [$0] } ?? [] }
    }

    private func write(_ compose: (inout RunComposer) throws -> [EncodedEvent]) async throws {
        try Task.checkCancellation()
        let isFull = try update { try $0.emit(compose) }
        // Suspends an agent that produces output faster than the storage stores it.
        if isFull { try await wait(for: .logCapacity) }
    }

    /// Whether the handler repeats what it did before, in another process.
    var isReplaying: Bool { read { $0.replay != nil } }

    /// - Parameter timeout: The longest time to wait. If `nil`, the agent's policy applies.
    func awaitAnswer(to request: AwaitRequest, timeout: Duration?) async throws -> AwaitResume {
        try Task.checkCancellation()
        let now = Timestamp.now
        let deadline = (timeout ?? policy.awaitTimeout).map { now + $0 }
        switch try update({ try $0.ask(request, deadline: deadline, now: now) }) {
        case .answered(let answer): return answer
        case .asked(let eventCount):
            do {
                while true {
                    if let answer = try update({ try $0.takeAnswer(to: eventCount) }) { return answer }
                    try await wait(for: .answered(eventCount: eventCount))
                }
            } catch {
                update { $0.withdrawQuestion(eventCount, now: .now) }
                throw error
            }
        }
    }
}
