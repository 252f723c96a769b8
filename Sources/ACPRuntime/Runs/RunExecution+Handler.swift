// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// What the handler does, by way of its ``RunContext``.
extension RunExecution {
    func yield(_ part: MessagePart) async throws {
        try part.validate()
        try await write { state in try state.composer.add(part, now: .now) }
    }

    func yield(_ message: Message) async throws {
        try message.validate()
        try await write { state in try state.composer.add(message, now: .now) }
    }

    func yield(generic value: JSONValue) async throws {
        let event = try EncodedEvent(.generic(value))
        try await write { _ in [event] }
    }

    func completeMessage() async throws {
        try await write { state in try state.composer.completeMessage(now: .now).map { [$0] } ?? [] }
    }

    private func write(_ compose: (inout State) throws -> [EncodedEvent]) async throws {
        try Task.checkCancellation()
        let isFull = try act { state in
            try state.checkRunning()
            state.log.append(try compose(&state))
            return state.log.isFull
        }
        if isFull { try await waitForRoom() }
    }

    /// Holds up an agent that speaks faster than the storage writes.
    private func waitForRoom() async throws {
        while true {
            let wakes = progress.wakes
            guard state.withLock({ $0.log.isFull && $0.isAlive }) else { return }
            try await progress.wait(beyond: wakes)
        }
    }

    func awaitAnswer(to request: AwaitRequest) async throws -> AwaitResume {
        try Task.checkCancellation()
        let eventCount = try act { state in
            try state.checkRunning()
            guard state.composer.run.status == .inProgress else { throw CancellationError() }
            let completion = try state.composer.completeMessage(now: .now)
            state.log.append(completion.map { [$0] } ?? [])
            state.append(try state.composer.beginAwaiting(request))
            state.phase = .awaiting(eventCount: state.log.eventCount)
            state.answer = .empty
            onChange(self, .awaiting)
            return state.log.eventCount
        }
        do {
            return try await answer()
        } catch {
            withdrawQuestion(eventCount: eventCount)
            throw error
        }
    }

    private func answer() async throws -> AwaitResume {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = state.withLock { state -> Result<AwaitResume, any Error>? in
                    switch state.answer {
                    case .delivered(let answer):
                        state.answer = .empty
                        return .success(answer)
                    case .cancelled: return .failure(CancellationError())
                    case .empty, .waiting:
                        state.answer = .waiting(continuation)
                        return nil
                    }
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            state.withLock { $0.takeWaiter() }?.resume(throwing: CancellationError())
        }
    }

    /// Lets the run go on without an answer, where a handler has given up waiting by itself: in a child task that it
    /// cancelled, for example after a while of its own.
    private func withdrawQuestion(eventCount: Int) {
        act { state in
            guard case .awaiting(eventCount) = state.phase, state.composer.run.status == .awaiting,
                let resumed = try? state.composer.resume()
            else { return }
            state.append(resumed)
            state.phase = .running
            onChange(self, .resumed)
        }
    }
}
