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

    /// Suspends the calling task if the machine decides so: until the machine resumes it, the deadline passes, or the
    /// task is cancelled. Returns the failure that the machine has for it.
    private func suspend(
        until deadline: NIODeadline, _ decide: (WaiterID, inout Machine) -> (WaitDecision, [TopologyAction])
    ) async -> RedisError? {
        let id = makeWaiterID()
        let alarm = group.any().scheduleTask(deadline: deadline) { self.cancelWaiter(id) }
        defer { alarm.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<RedisError?, Never>) in
                let (decision, actions) = self.guarded.withLockedValue { guarded in
                    let (decision, actions) = decide(id, &guarded.machine)
                    if case .suspend = decision { guarded.waiters[id] = .task(continuation) }
                    return (decision, actions)
                }
                perform(actions)
                switch decision {
                case .proceed: continuation.resume(returning: nil)
                case .fail(let error): continuation.resume(returning: error)
                case .suspend:
                    // Cancellation that came before this point found nobody to resume, and neither did the alarm.
                    if Task.isCancelled || deadline <= .now() { cancelWaiter(id) }
                }
            }
        } onCancel: {
            cancelWaiter(id)
        }
    }

    private func makeWaiterID() -> WaiterID {
        self.guarded.withLockedValue { guarded in
            guarded.lastWaiter += 1
            return guarded.lastWaiter
        }
    }

    private func cancelWaiter(_ id: WaiterID) {
        let waiter = self.guarded.withLockedValue { guarded in
            guarded.machine.lifecycle.removeWaiter(id) ? guarded.waiters.removeValue(forKey: id) : nil
        }
        if let waiter { Self.resume(waiter, with: nil) }
    }

    /// Resumes callers that the machine does not know any more.
    func resume(_ ids: [WaiterID], with error: RedisError?) {
        let waiters = self.guarded.withLockedValue { guarded in
            ids.compactMap { guarded.waiters.removeValue(forKey: $0) }
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

    /// Succeeds when a connection may be made.
    func admit(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let id = makeWaiterID()
        let promise = eventLoop.makePromise(of: Void.self)
        let (decision, actions) = self.guarded.withLockedValue { guarded in
            let (decision, actions) = guarded.machine.admit(id)
            if case .suspend = decision { guarded.waiters[id] = .connection(promise) }
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
        self.guarded.withLockedValue { guarded in
            guard guarded.refreshTask == nil, !guarded.machine.lifecycle.isClosed else { return }
            // Unstructured: it serves all callers of the client and outlives each. The client's end cancels it, in
            // `stopRefreshing()`, and waits for it in `shutdown(deadline:)`.
            guarded.refreshTask = Task {
                async let listening: Void = lookup.listen { [weak self] announcement in
                    self?.update { $0.announced(announcement) }
                }
                await refresh()
                await listening
            }
        }
        stalls.start(on: group.next()) { [weak self] in
            self?.watchedNodes() ?? []
        } report: { [weak self] node in
            self?.update { $0.stalled(node.id) }
        }
    }

    func stopRefreshing() {
        guarded.withLockedValue { $0.refreshTask }?.cancel()
        stalls.stop()
    }

    private func refresh() async {
        while !Task.isCancelled {
            let (isDue, next) = self.guarded.withLockedValue { guarded in
                (guarded.machine.lifecycle.pollLookup(now: .now()), guarded.machine.lifecycle.nextLookup)
            }
            if isDue {
                await lookUp()
            } else {
                _ = await suspend(until: next) { id, machine in (machine.lifecycle.sleep(id, until: next), []) }
            }
        }
    }

    private func lookUp() async {
        var generator = SystemRandomNumberGenerator()
        var question = update { $0.beginLookup(now: .now(), using: &generator) }
        while let current = question {
            let reply = await lookup.ask(current)
            // What was found out while the client ended counts no more.
            if Task.isCancelled { return }
            question = update { $0.answered(reply, now: .now(), random: .random(in: 0..<1)) }
        }
    }
}
