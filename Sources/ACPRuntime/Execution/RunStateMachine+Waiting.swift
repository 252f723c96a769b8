// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Who waits for what of a run.
extension RunStateMachine {
    /// What somebody waits for. Each is met as well when it cannot come true any more.
    enum Condition: Hashable, Sendable {
        /// The run is stored, or will not be.
        case created
        /// The run has ended or asks something, with more events than the given number, and that is stored.
        case settled(after: Int)
        /// That the run awaits an answer is stored.
        case awaitStored
        /// Everything is stored up to the point where the run waits.
        case idlenessStored
        /// The handler does not work: the run is idle, or over.
        case quiet
        /// The run is over.
        ///
        /// - Parameter isPatient: Whether to wait on while the storage fails.
        case over(isPatient: Bool)
        /// The handler may say more.
        case room
        /// There are committed events from an index onward.
        case events(from: Int)
        /// A question has its answer.
        case answered(eventCount: Int)
    }

    /// Those who wait, in the order in which they began to.
    struct Waiters {
        typealias ID = Int

        private(set) var conditions: [(id: ID, condition: Condition)] = []
        private var lastID = 0

        var isEmpty: Bool { conditions.isEmpty }

        /// An id for somebody who is about to wait.
        mutating func makeID() -> ID {
            lastID += 1
            return lastID
        }

        mutating func add(_ id: ID, _ condition: Condition) { conditions.append((id, condition)) }

        /// - Returns: Whether it waited.
        mutating func remove(_ id: ID) -> Bool {
            guard let index = conditions.firstIndex(where: { $0.id == id }) else { return false }
            conditions.remove(at: index)
            return true
        }
    }

    func isMet(_ condition: Condition) -> Bool {
        switch condition {
        case .created: isCreationDecided
        case .settled(let count):
            (settlement?.eventCount ?? 0) > count || creationFailure != nil || isOver || hasLastingTrouble
        case .awaitStored: awaitedCount.map { log.committed >= $0 } ?? true || hasLastingTrouble
        case .idlenessStored: !isIdle || log.isIdle
        case .quiet: isIdle || isOver
        case .over(let isPatient): isOver || !isPatient && hasLastingTrouble
        case .room: !log.isFull || !isOwned
        case .events(let index): index < log.committed || isOver || hasLastingTrouble
        case .answered(let eventCount):
            if delivered?.eventCount == eventCount { true } else { awaitedCount != eventCount }
        }
    }

    private var isCreationDecided: Bool {
        if creationFailure != nil { return true }
        return switch state {
        case .creating, .queued(isAdmitted: false): false
        default: true
        }
    }

    private var hasLastingTrouble: Bool { trouble?.isLasting ?? false }

    /// How many events there were when the run began to await the answer that it awaits.
    var awaitedCount: Int? { if case .awaiting(let question) = state { question.eventCount } else { nil } }

    // MARK: - Events

    /// What somebody who reads the run's events finds at one moment.
    enum Reading {
        case events([EncodedEvent])
        /// The events are committed, but only storage has them still.
        case stored
        /// Nothing yet: wait.
        case notYet
        /// There will be nothing more.
        case ended
        /// Not written here any more: read from storage.
        case abandoned
        case stalled(StorageError)
    }

    func read(from index: Int, bytes: Int) -> Reading {
        switch log.read(from: index, bytes: bytes) {
        case .events(let events): return .events(events)
        case .stored: return .stored
        case .notYet: break
        }
        switch state {
        case .ended:
            if let end = detachedEnd, index > log.committed { return .events([end]) }
            return .ended
        case .abandoned: return .abandoned
        case .creating, .queued, .running, .awaiting, .cancelling, .ending:
            if let trouble, trouble.isLasting { return .stalled(trouble.error) }
            return .notYet
        }
    }
}
