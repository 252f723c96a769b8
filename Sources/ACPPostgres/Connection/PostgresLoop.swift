// SPDX-License-Identifier: Apache-2.0

import CLibPQ
import Foundation
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A thread that serves all connections of a storage.
///
/// libpq allows one thread at a time to use a connection, and avoids blocking only if the caller polls its socket. One
/// thread with `poll` over all sockets satisfies both without a lock around libpq, and without ever blocking a thread
/// of Swift's concurrency pool. Dispatch sources are not used, since they must be cancelled before libpq closes a
/// socket, which it may do at any time.
final class PostgresLoop: Sendable {
    typealias ConnectionID = Int

    private enum Command: Sendable {
        case add(ConnectionID, RawConnection, ConnectionEvents)
        case send(ConnectionID, Exchange)
        case cancel(ConnectionID, exchange: Int)
        case cancelCompleted(ConnectionID)
        case close(ConnectionID)
        case schedule(at: ContinuousClock.Instant, @Sendable () -> Void)
    }

    private struct Inbox {
        var commands: [Command] = []
        var nextID = 0
        var isWakePending = false
        var isStopped = false
    }

    /// The message for a connection that was lost before a statement was sent on it.
    static let unsentMessage = "the connection was lost before it was used"

    private let inbox = Mutex(Inbox())
    private let wakeReader: Int32
    private let wakeWriter: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        // Without free descriptors, the loop still runs, and wakes up every 10 ms.
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            }
        }
        (wakeReader, wakeWriter) = (ends[0], ends[1])
        // The thread retains the loop until `stop()`.
        let thread = Thread { [self] in run() }
        thread.name = "PostgresStorage"
        thread.start()
    }

    deinit {
        for end in [wakeReader, wakeWriter] where end >= 0 { _ = systemClose(end) }
    }

    /// Adds a connection to the loop.
    func add(_ connection: RawConnection, _ events: ConnectionEvents) -> ConnectionID {
        let id = inbox.withLock { inbox in
            inbox.nextID += 1
            return inbox.nextID
        }
        if !post(.add(id, connection, events)) { PQfinish(connection.pointer) }
        return id
    }

    /// Sends statements in one round trip. ``Exchange/finish`` is called at its end.
    func send(_ exchange: Exchange, on connection: ConnectionID) {
        if !post(.send(connection, exchange)) {
            exchange.finish(.failure(PostgresError(.closed, "the connection was closed")))
        }
    }

    /// Asks the server to cancel an exchange, which then ends with the server's response. Has no effect if it has
    /// ended.
    func cancel(_ exchange: Int, on connection: ConnectionID) { post(.cancel(connection, exchange: exchange)) }

    func close(_ connection: ConnectionID) { post(.close(connection)) }

    /// Calls a function at a time, on the loop's thread: it must be quick. Discarded when the loop is stopped.
    func schedule(at time: ContinuousClock.Instant, _ body: @escaping @Sendable () -> Void) {
        post(.schedule(at: time, body))
    }

    /// Closes all connections and ends the thread.
    func stop() {
        inbox.withLock { $0.isStopped = true }
        wake()
    }

    @discardableResult
    private func post(_ command: Command) -> Bool {
        let isFirst: Bool? = inbox.withLock { inbox in
            guard !inbox.isStopped else { return nil }
            inbox.commands.append(command)
            defer { inbox.isWakePending = true }
            return !inbox.isWakePending
        }
        if isFirst == true { wake() }
        return isFirst != nil
    }

    private func wake() {
        var byte: UInt8 = 1
        _ = write(wakeWriter, &byte, 1)
    }

    // MARK: The thread

    private func run() {
        var connections: [ConnectionID: PostgresConnection] = [:]
        var timers: [(time: ContinuousClock.Instant, body: @Sendable () -> Void)] = []
        while true {
            let (commands, isStopped) = inbox.withLock { inbox in
                defer {
                    inbox.commands = []
                    inbox.isWakePending = false
                }
                return (inbox.commands, inbox.isStopped)
            }
            for command in commands { perform(command, &connections, &timers) }
            if isStopped { break }
            poll(connections.values.map { $0 }, until: timers.map(\.time).min())
            let now = ContinuousClock.now
            for (id, connection) in connections {
                connection.expire(now)
                if connection.isLost { connections[id] = nil }
            }
            let due = timers.filter { $0.time <= now }
            timers.removeAll { $0.time <= now }
            for timer in due { timer.body() }
        }
        for connection in connections.values { connection.end(PostgresError(.closed, "the storage was closed")) }
    }

    private func perform(
        _ command: Command, _ connections: inout [ConnectionID: PostgresConnection],
        _ timers: inout [(time: ContinuousClock.Instant, body: @Sendable () -> Void)]
    ) {
        switch command {
        case .add(let id, let connection, let events): connections[id] = PostgresConnection(connection, events)
        case .send(let id, let exchange):
            guard let connection = connections[id] else {
                return exchange.finish(.failure(PostgresError(.connectFailed, Self.unsentMessage)))
            }
            connection.send(exchange)
            if connection.isLost { connections[id] = nil }
        case .cancel(let id, let exchange):
            guard let request = connections[id]?.cancelRequest(for: exchange) else { return }
            // The request connects to the server and waits for its response: not on this thread.
            DispatchQueue.global().async { [self] in
                request.perform()
                post(.cancelCompleted(id))
            }
        case .cancelCompleted(let id): connections[id]?.cancelCompleted()
        case .close(let id):
            connections[id]?.end(PostgresError(.closed, "the connection was closed"))
            connections[id] = nil
        case .schedule(let time, let body): timers.append((time, body))
        }
    }

    /// Waits until a socket is ready or a timer is due, and lets the connections read and write.
    private func poll(_ connections: [PostgresConnection], until timer: ContinuousClock.Instant?) {
        var descriptors = [pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0)]
        for connection in connections {
            let events = POLLIN | (connection.hasPendingOutput ? POLLOUT : 0)
            descriptors.append(pollfd(fd: connection.socket, events: Int16(events), revents: 0))
        }
        let next = (connections.compactMap(\.deadline) + (timer.map { [$0] } ?? [])).min()
        var limit = next.map { max(0, ($0 - .now).wholeMilliseconds) } ?? 60_000
        if wakeReader < 0 { limit = min(limit, 10) }
        guard systemPoll(&descriptors, limit) > 0 else { return }
        if descriptors[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            while read(wakeReader, &bytes, bytes.count) > 0 {}
        }
        for (index, connection) in connections.enumerated() where descriptors[index + 1].revents != 0 {
            connection.step()
        }
    }
}

// The C functions, which methods of the same name hide.

private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }

private func systemPoll(_ descriptors: inout [pollfd], _ milliseconds: Int) -> Int32 {
    poll(&descriptors, numericCast(descriptors.count), Int32(clamping: milliseconds))
}
