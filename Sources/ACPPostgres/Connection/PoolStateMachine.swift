// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Who gets which connection, and when one is made: no I/O. Every event returns what is to be done, in order.
struct PoolStateMachine {
    typealias RequestID = Int
    typealias ConnectionID = Int

    enum Action: Equatable {
        case connect
        /// Tell ``retryIsDue()`` after a pause that grows with the number of failures.
        case scheduleRetry(failures: Int)
        case start(RequestID, on: ConnectionID)
        /// The last attempt to connect failed.
        case fail(RequestID)
        case close(ConnectionID)
        /// Nothing is left.
        case finished
    }

    private let limit: Int
    private var idle: [ConnectionID] = []
    private var busy: Set<ConnectionID> = []
    private var connecting = 0
    private var waiting: Deque<RequestID> = []
    private var failures = 0
    private var isPausing = false
    private(set) var isClosed = false

    init(limit: Int) { self.limit = max(1, limit) }

    /// How many there are of each: for tests and messages.
    var counts: (idle: Int, busy: Int, connecting: Int, waiting: Int) {
        (idle.count, busy.count, connecting, waiting.count)
    }

    mutating func request(_ id: RequestID) -> [Action] {
        if let connection = idle.popLast() {
            busy.insert(connection)
            return [.start(id, on: connection)]
        }
        waiting.append(id)
        return connectIfNeeded()
    }

    /// A request that waits gives up.
    ///
    /// - Returns: Whether it was waiting still.
    mutating func abandon(_ id: RequestID) -> Bool {
        guard let index = waiting.firstIndex(of: id) else { return false }
        waiting.remove(at: index)
        return true
    }

    mutating func connected(_ connection: ConnectionID) -> [Action] {
        connecting -= 1
        failures = 0
        if isClosed { return [.close(connection)] + finishedIfEmpty() }
        return take(connection) + connectIfNeeded()
    }

    mutating func connectFailed() -> [Action] {
        connecting -= 1
        guard !isClosed else { return finishedIfEmpty() }
        failures += 1
        var actions: [Action] = []
        // Whoever waits gets a connection that is in use now, if there is one. If not, the failure is the answer.
        if busy.isEmpty, connecting == 0 {
            actions = waiting.map { .fail($0) }
            waiting = []
        }
        guard !isPausing else { return actions }
        isPausing = true
        return actions + [.scheduleRetry(failures: failures)]
    }

    mutating func retryIsDue() -> [Action] {
        isPausing = false
        return connectIfNeeded()
    }

    /// A request is done with its connection.
    mutating func released(_ connection: ConnectionID, isUsable: Bool) -> [Action] {
        guard busy.remove(connection) != nil else { return [] }
        if isClosed { return [.close(connection)] + finishedIfEmpty() }
        if isUsable { return take(connection) }
        return [.close(connection)] + connectIfNeeded()
    }

    /// A connection went away. Those in use are handed back by whoever uses them.
    mutating func lost(_ connection: ConnectionID) -> [Action] {
        idle.removeAll { $0 == connection }
        return isClosed ? [] : connectIfNeeded()
    }

    mutating func close() -> [Action] {
        guard !isClosed else { return [] }
        isClosed = true
        defer {
            idle = []
            waiting = []
        }
        let actions = idle.map { Action.close($0) } + waiting.map { Action.fail($0) }
        return actions + finishedIfEmpty()
    }

    private mutating func take(_ connection: ConnectionID) -> [Action] {
        guard let next = waiting.popFirst() else {
            idle.append(connection)
            return []
        }
        busy.insert(connection)
        return [.start(next, on: connection)]
    }

    private mutating func connectIfNeeded() -> [Action] {
        guard !isClosed, !isPausing else { return [] }
        // After a failure one attempt at a time shows whether the server is back.
        let most = failures > 0 ? 1 : limit
        let room = min(limit - idle.count - busy.count, most) - connecting
        let missing = max(0, min(room, waiting.count - connecting))
        connecting += missing
        return Array(repeating: .connect, count: missing)
    }

    private func finishedIfEmpty() -> [Action] { busy.isEmpty && connecting == 0 ? [.finished] : [] }
}
