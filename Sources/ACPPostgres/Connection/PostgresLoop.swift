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

/// One thread that serves all connections of a storage.
///
/// libpq allows a connection one thread at a time, and blocks nobody only if somebody watches its socket. One thread with `poll` over
/// all sockets gives both without a lock around libpq, and without ever holding one of Swift's own threads. Waiting sources of
/// Dispatch would do as well, but have to be cancelled before libpq closes a socket, which it does whenever it likes.
final class PostgresLoop: Sendable {
    typealias ConnectionID = Int

    private enum Command: Sendable {
        case adopt(ConnectionID, RawConnection, ConnectionEvents)
        case send(ConnectionID, Exchange)
        case cancel(ConnectionID, exchange: Int)
        case cancelIsOver(ConnectionID)
        case close(ConnectionID)
        case call(at: ContinuousClock.Instant, @Sendable () -> Void)
    }

    private struct Inbox {
        var commands: [Command] = []
        var nextID = 0
        var isWoken = false
        var isStopped = false
    }

    /// A connection went between its being chosen and its use: nothing was sent.
    static let unusedMessage = "the connection was lost before it was used"

    private let inbox = Mutex(Inbox())
    private let wakeReader: Int32
    private let wakeWriter: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        // Without descriptors left, the loop still runs, and wakes by its own every 10 ms.
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            }
        }
        (wakeReader, wakeWriter) = (ends[0], ends[1])
        // The thread keeps the loop until `stop()`.
        let thread = Thread { [self] in run() }
        thread.name = "PostgresStorage"
        thread.start()
    }

    deinit {
        for end in [wakeReader, wakeWriter] where end >= 0 { _ = systemClose(end) }
    }

    /// Takes a connection over.
    func adopt(_ connection: RawConnection, _ events: ConnectionEvents) -> ConnectionID {
        let id = inbox.withLock { inbox in
            inbox.nextID += 1
            return inbox.nextID
        }
        if !post(.adopt(id, connection, events)) { PQfinish(connection.pointer) }
        return id
    }

    /// Sends statements in one trip. Ends in ``Exchange/finish``.
    func send(_ exchange: Exchange, on connection: ConnectionID) {
        if !post(.send(connection, exchange)) {
            exchange.finish(.failure(PostgresError(.closed, "the connection was closed")))
        }
    }

    /// Asks the server to give up an exchange, which then ends as the server says. Nothing happens if it has ended.
    func cancel(_ exchange: Int, on connection: ConnectionID) { post(.cancel(connection, exchange: exchange)) }

    func close(_ connection: ConnectionID) { post(.close(connection)) }

    /// Calls somebody at a time, on the loop's thread: it must be quick. Forgotten when the loop is stopped.
    func call(at time: ContinuousClock.Instant, _ body: @escaping @Sendable () -> Void) { post(.call(at: time, body)) }

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
            defer { inbox.isWoken = true }
            return !inbox.isWoken
        }
        if isFirst == true { wake() }
        return isFirst != nil
    }

    private func wake() {
        var byte: UInt8 = 1
        _ = write(wakeWriter, &byte, 1)
    }

    // MARK: On the thread

    private func run() {
        var channels: [ConnectionID: Channel] = [:]
        var timers: [(time: ContinuousClock.Instant, body: @Sendable () -> Void)] = []
        while true {
            let (commands, isStopped) = inbox.withLock { inbox in
                defer {
                    inbox.commands = []
                    inbox.isWoken = false
                }
                return (inbox.commands, inbox.isStopped)
            }
            for command in commands { perform(command, &channels, &timers) }
            if isStopped { break }
            poll(channels.values.map { $0 }, until: timers.map(\.time).min())
            let now = ContinuousClock.now
            for (id, channel) in channels {
                channel.expire(now)
                if channel.isLost { channels[id] = nil }
            }
            let due = timers.filter { $0.time <= now }
            timers.removeAll { $0.time <= now }
            for timer in due { timer.body() }
        }
        for channel in channels.values { channel.end(PostgresError(.closed, "the storage was closed")) }
    }

    private func perform(
        _ command: Command, _ channels: inout [ConnectionID: Channel],
        _ timers: inout [(time: ContinuousClock.Instant, body: @Sendable () -> Void)]
    ) {
        switch command {
        case .adopt(let id, let connection, let events): channels[id] = Channel(connection, events)
        case .send(let id, let exchange):
            guard let channel = channels[id] else {
                return exchange.finish(.failure(PostgresError(.connectFailed, Self.unusedMessage)))
            }
            channel.send(exchange)
            if channel.isLost { channels[id] = nil }
        case .cancel(let id, let exchange):
            guard let request = channels[id]?.cancelRequest(for: exchange) else { return }
            // It connects to the server and waits for its answer: not on this thread.
            DispatchQueue.global().async { [self] in
                request.perform()
                post(.cancelIsOver(id))
            }
        case .cancelIsOver(let id): channels[id]?.cancelIsOver()
        case .close(let id):
            channels[id]?.end(PostgresError(.closed, "the connection was closed"))
            channels[id] = nil
        case .call(let time, let body): timers.append((time, body))
        }
    }

    /// Waits until a socket has something to tell or take, or a time has come, and lets the channels work.
    private func poll(_ channels: [Channel], until timer: ContinuousClock.Instant?) {
        var descriptors = [pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0)]
        for channel in channels {
            let events = POLLIN | (channel.wantsToWrite ? POLLOUT : 0)
            descriptors.append(pollfd(fd: channel.socket, events: Int16(events), revents: 0))
        }
        let next = (channels.compactMap(\.deadline) + (timer.map { [$0] } ?? [])).min()
        var limit = next.map { max(0, ($0 - .now).wholeMilliseconds) } ?? 60_000
        if wakeReader < 0 { limit = min(limit, 10) }
        guard systemPoll(&descriptors, limit) > 0 else { return }
        if descriptors[0].revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 64)
            while read(wakeReader, &bytes, bytes.count) > 0 {}
        }
        for (index, channel) in channels.enumerated() where descriptors[index + 1].revents != 0 { channel.step() }
    }
}

// The C functions, which methods of the same name hide.

private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }

private func systemPoll(_ descriptors: inout [pollfd], _ milliseconds: Int) -> Int32 {
    poll(&descriptors, numericCast(descriptors.count), Int32(clamping: milliseconds))
}
