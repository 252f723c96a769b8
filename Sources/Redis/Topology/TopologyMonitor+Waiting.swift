// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

extension TopologyMonitor {
    // MARK: Callers

    func pause(_ length: Duration, deadline: NIODeadline) async throws {
        let end = min(deadline, .after(length))
        _ = await suspend(until: end) { id, machine in
            (machine.lifecycle.wait(id, since: machine.lifecycle.ticket), [])
        }
        if Task.isCancelled { throw Self.cancelled }
    }

    func wait(for ticket: Ticket, deadline: NIODeadline) async throws {
        let failure = await suspend(until: deadline) { id, machine in
            machine.wait(id, for: ticket, now: .now(), deadline: deadline)
        }
        if let failure { throw failure }
        if Task.isCancelled { throw Self.cancelled }
    }

    private static var cancelled: RedisError { RedisError(.cancelled, "The calling task was cancelled.") }

    /// Suspends the calling task if the state machine decides so, until the state machine resumes it, the deadline
    /// passes, or the task is cancelled. Returns the failure for the caller, if there is one.
    private func suspend(
        until deadline: NIODeadline, _ decide: (WaiterID, inout Machine) -> (WaitDecision, [TopologyAction])
    ) async -> RedisError? {
        let id = makeWaiterID()
        let alarm = group.any().scheduleTask(deadline: deadline) { self.cancelWaiter(id) }
        defer { alarm.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<RedisError?, Never>) in
                let (decision, actions) = self.state.withLockedValue { state in
                    let (decision, actions) = decide(id, &state.machine)
                    if case .suspend = decision { state.waiters[id] = .task(continuation) }
                    return (decision, actions)
                }
                perform(actions)
                switch decision {
                case .proceed: continuation.resume(returning: nil)
                case .fail(let error): continuation.resume(returning: error)
                case .suspend:
                    // An earlier cancellation or an earlier alarm found no waiter to resume.
                    if Task.isCancelled || deadline <= .now() { cancelWaiter(id) }
                }
            }
        } onCancel: {
            cancelWaiter(id)
        }
    }

    private func makeWaiterID() -> WaiterID {
        self.state.withLockedValue { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
    }

    private func cancelWaiter(_ id: WaiterID) {
        let waiter = self.state.withLockedValue { state in
            state.machine.lifecycle.removeWaiter(id) ? state.waiters.removeValue(forKey: id) : nil
        }
        if let waiter { Self.resume(waiter, with: nil) }
    }

    /// Resumes callers that the state machine has removed.
    func resume(_ ids: [WaiterID], with error: RedisError?) {
        let waiters = self.state.withLockedValue { state in
            ids.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in waiters { Self.resume(waiter, with: error) }
    }

    private static func resume(_ waiter: Waiter, with error: RedisError?) {
        switch waiter {
        case .task(let continuation): continuation.resume(returning: error)
        case .connection(let promise): if let error { promise.fail(error) } else { promise.succeed() }
        }
    }

    // MARK: Connections

    /// Returns a future that succeeds when a connection may be opened.
    func admit(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let id = makeWaiterID()
        let promise = eventLoop.makePromise(of: Void.self)
        let (decision, actions) = self.state.withLockedValue { state in
            let (decision, actions) = state.machine.admit(id)
            if case .suspend = decision { state.waiters[id] = .connection(promise) }
            return (decision, actions)
        }
        perform(actions)
        switch decision {
        case .proceed: promise.succeed()
        case .fail(let error): promise.fail(error)
        case .suspend: break
        }
        return promise.futureResult
    }

    // MARK: Lookups

    func startRefreshing() {
        self.state.withLockedValue { state in
            guard state.refreshTask == nil, !state.machine.lifecycle.isClosed else { return }
            // Unstructured: it serves all callers of the client and outlives each. Shutdown cancels it in
            // `stopRefreshing()` and waits for it in `shutdown(deadline:)`.
            state.refreshTask = Task {
                async let listening: Void = lookup.listen { [weak self] announcement in
                    self?.update { $0.announced(announcement) }
                }
                await refresh()
                await listening
            }
        }
        stallDetector.start(on: group.next()) { [weak self] in
            self?.watchedNodes() ?? []
        } report: { [weak self] node in
            self?.update { $0.stalled(node.id) }
        }
    }

    func stopRefreshing() {
        state.withLockedValue { $0.refreshTask }?.cancel()
        stallDetector.stop()
    }

    private func refresh() async {
        while !Task.isCancelled {
            let (isDue, next) = self.state.withLockedValue { state in
                (state.machine.lifecycle.pollLookup(now: .now()), state.machine.lifecycle.nextLookup)
            }
            if isDue {
                await lookUp()
            } else {
                _ = await suspend(until: next) { id, machine in (machine.lifecycle.sleep(id, until: next), []) }
            }
        }
    }

    private func lookUp() async {
        var generator = SystemRandom()
        var query = update { $0.beginLookup(now: .now(), using: &generator) }
        while let current = query {
            let reply = await lookup.query(current)
            // Results that arrive during shutdown are ignored.
            if Task.isCancelled { return }
            query = update { $0.received(reply, now: .now(), random: .random(in: 0..<1)) }
        }
    }
}
