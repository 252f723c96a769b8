// SPDX-License-Identifier: Apache-2.0

import DequeModule
import Synchronization

/// A limited number of bytes, or of other units, that concurrent tasks reserve and release.
package final class ByteBudget: Sendable {
    /// A share of a budget. It is returned by ``release()``, and at the latest when the reservation is deallocated.
    package final class Reservation: Sendable {
        private let budget: ByteBudget
        private let bytes: Mutex<Int>

        fileprivate init(_ budget: ByteBudget, _ bytes: Int) {
            self.budget = budget
            self.bytes = Mutex(bytes)
        }

        deinit { release() }

        package func release() {
            let bytes = bytes.withLock { bytes in
                defer { bytes = 0 }
                return bytes
            }
            if bytes > 0 { budget.returnBytes(bytes) }
        }
    }

    /// The error of a reservation when too many others are waiting.
    struct Exhausted: Error {}

    fileprivate struct Waiter {
        let id: Int
        let bytes: Int
        let continuation: CheckedContinuation<Outcome, Never>
    }

    fileprivate enum Outcome { case reserved, refused, cancelled }

    fileprivate struct State {
        var used = 0
        var lastID = 0
        var waiters: Deque<Waiter> = []
        /// The ids of waiters whose task was cancelled before they could wait.
        var cancelled: Set<Int> = []
    }

    let limit: Int
    private let waitingLimit: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: The number of bytes of the budget.
    ///   - waitingLimit: How many reservations may wait. Further ones are rejected.
    init(_ limit: Int, waitingLimit: Int = 0) {
        self.limit = max(1, limit)
        self.waitingLimit = waitingLimit
    }

    /// The number of reserved bytes.
    var used: Int { state.withLock { $0.used } }

    /// The number of waiting reservations, for tests.
    var waiting: Int { state.withLock { $0.waiters.count } }

    /// Reserves bytes, or returns `nil` if there are not enough. A number above the limit reserves the whole budget.
    func reserveNow(_ bytes: Int) -> Reservation? {
        let bytes = clamped(bytes)
        let fits = state.withLock { state in
            guard state.waiters.isEmpty, state.used + bytes <= limit else { return false }
            state.used += bytes
            return true
        }
        return fits ? Reservation(self, bytes) : nil
    }

    /// Reserves bytes as soon as there are enough, in the order of the calls.
    ///
    /// - Throws: ``Exhausted`` if too many reservations are waiting; `CancellationError`.
    func reserve(_ bytes: Int) async throws -> Reservation {
        if let reservation = reserveNow(bytes) { return reservation }
        let bytes = clamped(bytes)
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let outcome = state.withLock { state -> Outcome? in
                    if state.cancelled.remove(id) != nil { return .cancelled }
                    if state.waiters.isEmpty, state.used + bytes <= limit {
                        state.used += bytes
                        return .reserved
                    }
                    guard state.waiters.count < waitingLimit else { return .refused }
                    state.waiters.append(Waiter(id: id, bytes: bytes, continuation: continuation))
                    return nil
                }
                if let outcome { continuation.resume(returning: outcome) }
            }
        } onCancel: {
            leave(id)
        }
        // A cancellation after the end of the wait has left an entry, which is removed.
        if Task.isCancelled { state.withLock { _ = $0.cancelled.remove(id) } }
        switch outcome {
        case .reserved: return Reservation(self, bytes)
        case .refused: throw Exhausted()
        case .cancelled: throw CancellationError()
        }
    }

    private func clamped(_ bytes: Int) -> Int { min(max(0, bytes), limit) }

    private func leave(_ id: Int) {
        let waiters = state.withLock { state -> [(Waiter, Outcome)] in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
                state.cancelled.insert(id)
                return []
            }
            return [(state.waiters.remove(at: index), .cancelled)] + state.admit(limit)
        }
        for (waiter, outcome) in waiters { waiter.continuation.resume(returning: outcome) }
    }

    private func returnBytes(_ bytes: Int) {
        let admitted = state.withLock { state in
            state.used -= bytes
            return state.admit(limit)
        }
        for (waiter, outcome) in admitted { waiter.continuation.resume(returning: outcome) }
    }
}

extension ByteBudget.State {
    fileprivate mutating func admit(_ limit: Int) -> [(ByteBudget.Waiter, ByteBudget.Outcome)] {
        var admitted: [(ByteBudget.Waiter, ByteBudget.Outcome)] = []
        while let first = waiters.first, used + first.bytes <= limit {
            waiters.removeFirst()
            used += first.bytes
            admitted.append((first, .reserved))
        }
        return admitted
    }
}
