// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Synchronization

/// What the handler does, by way of its ``RunContext``.
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
        let isFull = try act { state in
            try state.checkRunning()
            try state.say(compose)
            return state.log.isFull
        }
        if isFull { try await waitForRoom() }
    }

    /// Whether what the handler does now was done before, in another process.
    var isReplaying: Bool { state.withLock { $0.replay != nil } }

    /// Holds up an agent that speaks faster than the storage writes.
    private func waitForRoom() async throws {
        while true {
            let wakes = progress.wakes
            guard state.withLock({ $0.log.isFull && $0.isAlive }) else { return }
            try await progress.wait(beyond: wakes)
        }
    }

    /// - Parameter timeout: How long to wait at most. Nil for what the agent's policy says.
    func awaitAnswer(to request: AwaitRequest, timeout: Duration?) async throws -> AwaitResume {
        try Task.checkCancellation()
        let question = try act { state in
            try state.checkRunning()
            return try state.ask(request, timeout: timeout ?? policy.awaitTimeout) { onChange(self, .awaiting) }
        }
        switch question {
        case .answered(let answer): return answer
        case .asked(let eventCount, let deadline, let known):
            if let known { _ = deliver(known, eventCount: eventCount) }
            if let deadline { startAwaitTimer(eventCount: eventCount, deadline: deadline) }
            do {
                return try await answer()
            } catch {
                withdrawQuestion(eventCount: eventCount)
                throw error
            }
        }
    }

    /// Ends the run if nobody has answered by then.
    private func startAwaitTimer(eventCount: Int, deadline: Timestamp) {
        // Ends by itself at the deadline; the answer, or the end of the run, cancels it.
        let timer = Task {
            guard (try? await Task.sleep(for: max(.zero, deadline - .now))) != nil else { return }
            await endAwaiting(eventCount: eventCount)
        }
        let isTooLate = state.withLock { state in
            guard case .awaiting(eventCount) = state.phase else { return true }
            state.awaitTimer = timer
            return false
        }
        if isTooLate { timer.cancel() }
    }

    private func endAwaiting(eventCount: Int) async {
        // An answer that was stored in time counts, if its announcement is late.
        var signals: [RunSignal] = []
        try? await persistently { [storage, id] in signals = try await storage.coordination.signals(to: id) }
        for case .resume(let answer, eventCount) in signals { _ = deliver(answer, eventCount: eventCount) }
        let isAwaiting = state.withLock { state in
            if case .awaiting(eventCount) = state.phase { state.composer.run.status == .awaiting } else { false }
        }
        if isAwaiting { await finish(.failed(.unansweredQuestion)) }
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

extension ACPError {
    /// The error of a run that waited for an answer until its deadline.
    static let unansweredQuestion = ACPError(
        .timedOut, "nobody answered the agent's question in time: start a new run, and answer before await_deadline")
}

extension RunExecution.State {
    /// What comes of a question.
    enum Question {
        case answered(AwaitResume)
        /// It waits for its answer. The count tells it apart from other questions of the run.
        case asked(eventCount: Int, deadline: Timestamp?, known: AwaitResume?)
    }

    /// Asks, or finds that the question was asked before.
    ///
    /// - Parameter onAwaiting: Called when the run awaits an answer from now on.
    fileprivate mutating func ask(
        _ request: AwaitRequest, timeout: Duration?, onAwaiting: () -> Void
    ) throws -> Question {
        var known: AwaitResume?
        if let answer = try replay?.ask(request) {
            endReplayIfOver()
            switch answer {
            case .known(let answer): return .answered(answer)
            case .pending(let answer): known = answer
            }
        } else {
            guard composer.run.status == .inProgress else { throw CancellationError() }
            let completion = try composer.completeMessage(now: .now)
            log.append(completion.map { [$0] } ?? [])
            append(try composer.beginAwaiting(request, deadline: timeout.map { Timestamp.now + $0 }))
        }
        phase = .awaiting(eventCount: log.eventCount)
        answer = .empty
        onAwaiting()
        return .asked(eventCount: log.eventCount, deadline: composer.run.awaitDeadline, known: known)
    }
}
