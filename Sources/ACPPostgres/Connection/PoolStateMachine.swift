// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Decides which request uses which connection, and when a connection is made, without I/O. Every event returns the
/// actions to perform, in order.
struct PoolStateMachine {
    typealias RequestID = Int
    typealias ConnectionID = Int

    enum Action: Equatable {
        case connect
        /// Call ``retryTimerFired()`` after a pause that grows with the number of failures.
        case scheduleRetry(failures: Int)
        case start(RequestID, on: ConnectionID)
        /// The last attempt to connect failed.
        case fail(RequestID)
        case close(ConnectionID)
        /// All connections are closed.
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

    /// The numbers of connections and requests, for tests and messages.
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

    /// A waiting request is cancelled.
    ///
    /// - Returns: Whether it was still waiting.
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
        // Waiting requests get a connection that is in use now, if there is one. Otherwise they fail.
        if busy.isEmpty, connecting == 0 {
            actions = waiting.map { .fail($0) }
            waiting = []
        }
        guard !isPausing else { return actions }
        isPausing = true
        return actions + [.scheduleRetry(failures: failures)]
    }

    mutating func retryTimerFired() -> [Action] {
        isPausing = false
        return connectIfNeeded()
    }

    /// A request has finished with its connection.
    mutating func released(_ connection: ConnectionID, isUsable: Bool) -> [Action] {
        guard busy.remove(connection) != nil else { return [] }
        if isClosed { return [.close(connection)] + finishedIfEmpty() }
        if isUsable { return take(connection) }
        return [.close(connection)] + connectIfNeeded()
    }

    /// A connection was lost. Those in use are released by their requests.
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
        // After a failure, one attempt at a time shows whether the server is available again.
        let most = failures > 0 ? 1 : limit
        let room = min(limit - idle.count - busy.count, most) - connecting
        let missing = max(0, min(room, waiting.count - connecting))
        connecting += missing
        return Array(repeating: .connect, count: missing)
    }

    private func finishedIfEmpty() -> [Action] { busy.isEmpty && connecting == 0 ? [.finished] : [] }
}
