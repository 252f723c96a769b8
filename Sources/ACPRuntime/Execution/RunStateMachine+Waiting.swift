// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Waiting for conditions of a run.
extension RunStateMachine {
    /// A condition to wait for. Each is also met when it cannot become true any more.
    enum Condition: Hashable, Sendable {
        /// The run is stored, or will not be stored.
        case created
        /// The run has ended or asks a question, with more events than the given number, and that is stored.
        case settled(after: Int)
        /// The run's question is stored.
        case awaitStored
        /// Everything is stored up to the point where the run is idle.
        case idleStateStored
        /// Everything is stored up to now, or the run is over.
        case logStored
        /// The handler does not work: the run is idle, or over.
        case handlerInactive
        /// The run is over.
        ///
        /// - Parameter ignoringTimeout: Whether to continue waiting while the storage fails.
        case over(ignoringTimeout: Bool)
        /// The handler may send more output.
        case logCapacity
        /// There are committed events from an index onward.
        case events(from: Int)
        /// A question was answered.
        case answered(eventCount: Int)
    }

    /// The waiters, in the order in which they were added.
    struct Waiters {
        typealias ID = Int

        private(set) var conditions: [(id: ID, condition: Condition)] = []
        private var lastID = 0

        var isEmpty: Bool { conditions.isEmpty }

        /// Returns an id for a new waiter.
        mutating func makeID() -> ID {
            lastID += 1
            return lastID
        }

        mutating func add(_ id: ID, _ condition: Condition) { conditions.append((id, condition)) }

        /// - Returns: Whether it was waiting.
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
            (settlement?.eventCount ?? 0) > count || creationFailure != nil || isOver || isOutageTimedOut
        case .awaitStored: awaitedCount.map { log.committed >= $0 } ?? true || isOutageTimedOut
        case .idleStateStored: !isIdle || log.isIdle
        case .logStored: log.isIdle || isOver
        case .handlerInactive: isIdle || isOver
        case .over(let ignoringTimeout): isOver || !ignoringTimeout && isOutageTimedOut
        case .logCapacity: !log.isFull || !isOwned
        case .events(let index): index < log.committed || isOver || isOutageTimedOut
        case .answered(let eventCount):
            if delivered?.eventCount == eventCount { true } else { awaitedCount != eventCount || isLeaving }
        }
    }

    private var isCreationDecided: Bool {
        if creationFailure != nil { return true }
        return switch state {
        case .creating, .queued(isAdmitted: false): false
        default: true
        }
    }

    private var isOutageTimedOut: Bool { outage?.isTimedOut ?? false }

    /// The number of events when the run began to await the current answer. `nil` if it does not await one.
    var awaitedCount: Int? {
        switch state {
        case .awaiting(let question): question.eventCount
        case .leaving(let leaving): leaving.eventCount
        case .ending(let ending): ending.question?.eventCount
        default: nil
        }
    }

    /// Whether the run leaves memory: its handler gets no answer any more.
    var isLeaving: Bool { if case .leaving = state { true } else { false } }

    // MARK: - Events

    /// What a reader of the run's events finds at one moment.
    enum Reading {
        case events([EncodedEvent])
        /// The events are committed, but must be read from storage.
        case stored
        /// There are no further events yet.
        case notYet
        /// There will be no further events.
        case ended
        /// The run is not written here any more: read from storage.
        case abandoned
        /// The storage has failed for longer than the storage timeout.
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
        case .abandoned, .dormant: return .abandoned
        case .creating, .queued, .running, .awaiting, .leaving, .cancelling, .ending:
            if let outage, outage.isTimedOut { return .stalled(outage.error) }
            return .notYet
        }
    }
}
