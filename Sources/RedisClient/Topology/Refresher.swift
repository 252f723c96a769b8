// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore

/// Performs what ``RefreshStateMachine`` decides, in one task that begins when the client is first used.
final class Refresher: Sendable {
    typealias Lookup = @Sendable () async -> RefreshStateMachine.Outcome

    private struct State {
        var machine: RefreshStateMachine
        var task: Task<Void, Never>?
        var isEnded = false
    }

    private let group: any EventLoopGroup
    private let state: NIOLockedValueBox<State>
    private let wake: ChangeSignal

    init(_ settings: RefreshStateMachine.Settings, group: any EventLoopGroup) {
        self.group = group
        self.state = NIOLockedValueBox(State(machine: RefreshStateMachine(settings)))
        self.wake = ChangeSignal(group: group)
    }

    /// Begins to look up, unless that has begun. `alongside` runs for as long as lookups go on.
    func start(_ lookup: @escaping Lookup, alongside: @escaping @Sendable () async -> Void) {
        self.state.withLockedValue { state in
            guard state.task == nil, !state.isEnded else { return }
            state.machine.start()
            // Unstructured: it serves all callers of the client and outlives each. The client's end cancels it, in `stop()`,
            // and waits for it in `end()`.
            state.task = Task {
                async let other: Void = alongside()
                await self.run(lookup)
                await other
            }
        }
    }

    private func run(_ lookup: Lookup) async {
        while !Task.isCancelled {
            let generation = self.wake.generation
            let (begins, next) = self.state.withLockedValue { state in
                (state.machine.poll(now: .now()), state.machine.next ?? .distantFuture)
            }
            if begins {
                let outcome = await lookup()
                self.state.withLockedValue {
                    $0.machine.finished(outcome, now: .now(), random: .random(in: 0..<1))
                }
            } else {
                await self.wake.wait(since: generation, until: next)
            }
        }
    }

    /// Something is wrong.
    func evidence() {
        self.state.withLockedValue { $0.machine.evidence() }
        self.wake.fire()
    }

    /// Something is known to have changed.
    func urgentEvidence() {
        self.state.withLockedValue { $0.machine.urgentEvidence() }
        self.wake.fire()
    }

    func stop() {
        let task = self.state.withLockedValue { state in
            state.isEnded = true
            return state.task
        }
        task?.cancel()
        self.wake.close()
    }

    func end() async {
        self.stop()
        await self.state.withLockedValue { $0.task }?.value
    }
}
