// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore

/// What one established connection owes to whom: a queue of requests in the order in which their bytes were written.
///
/// The machine does no I/O. Each event returns what has to be done, and the channel handler does it.
///
/// ```
/// active ──drain──▶ draining ──last reply──▶ closed
///    └───────────────close, from any state──────▲
/// ```
///
/// The order of replies is sacred. A request that nobody waits for any more (its task was cancelled, its deadline
/// passed) keeps its place, and its replies are dropped as they arrive. When replies stay out altogether the connection
/// is closed rather than guessed about: that is when the oldest request is past its deadline and not a single byte was
/// read for `silenceLimit` since it was written. A peer that still sends is slow, not dead.
struct CommandStateMachine<Token> {
    private enum State {
        case active, draining, closed
    }

    private struct Entry {
        let token: Token
        let replyCount: Int
        var received = 0
        let deadline: NIODeadline
        let writtenAt: NIODeadline
        var isExpired = false
    }

    private var state = State.active
    private var entries: Deque<Entry> = []
    private var lastRead: NIODeadline
    private let silenceLimit: TimeAmount

    init(silenceLimit: TimeAmount, now: NIODeadline) {
        self.silenceLimit = silenceLimit
        lastRead = now
    }

    /// The number of requests whose replies are not complete.
    var outstanding: Int { entries.count }
    var isClosed: Bool { state == .closed }

    // MARK: Events

    enum SendAction: Equatable {
        /// Write the commands. The deadline is the next one to wake up for.
        case write
        /// The connection takes no more requests; these were not sent.
        case reject
    }

    /// A request is about to be written.
    mutating func send(_ token: Token, replyCount: Int, deadline: NIODeadline, now: NIODeadline) -> SendAction {
        guard state == .active else { return .reject }
        precondition(replyCount > 0, "a request without replies has no place in the order of replies")
        entries.append(Entry(token: token, replyCount: replyCount, deadline: deadline, writtenAt: now))
        return .write
    }

    enum ReplyAction {
        /// The reply belongs to this request.
        case deliver(Token, isLast: Bool)
        /// The reply belongs to this request, and the connection has nothing left to do: close it.
        case deliverAndClose(Token)
        /// A reply that nobody asked for: the stream is out of step, close the connection.
        case violation
    }

    /// A complete reply was read.
    mutating func receivedReply() -> ReplyAction {
        guard !entries.isEmpty, state != .closed else { return .violation }
        entries[0].received += 1
        let entry = entries[0]
        guard entry.received == entry.replyCount else { return .deliver(entry.token, isLast: false) }
        entries.removeFirst()
        if state == .draining, entries.isEmpty {
            state = .closed
            return .deliverAndClose(entry.token)
        }
        return .deliver(entry.token, isLast: true)
    }

    /// Bytes were read, be they a complete reply or not.
    mutating func readBytes(now: NIODeadline) {
        lastRead = now
    }

    struct ExpiryAction {
        /// Requests whose deadline has passed. They are reported once and keep their places.
        var expired: [Token] = []
        /// The peer is taken for dead: close the connection.
        var closes = false
        /// When to call again; nil if there is nothing to wait for.
        var next: NIODeadline?
    }

    /// The time for a deadline may have come.
    mutating func checkDeadlines(now: NIODeadline) -> ExpiryAction {
        var action = ExpiryAction()
        guard state != .closed else { return action }
        for index in entries.indices where !entries[index].isExpired {
            if entries[index].deadline <= now {
                entries[index].isExpired = true
                action.expired.append(entries[index].token)
            } else {
                action.next = min(action.next ?? .distantFuture, entries[index].deadline)
            }
        }
        if let oldest = entries.first, oldest.isExpired {
            let silentSince = max(lastRead, oldest.writtenAt)
            if now - silentSince >= silenceLimit {
                action.closes = true
            } else {
                action.next = min(action.next ?? .distantFuture, silentSince + silenceLimit)
            }
        }
        return action
    }

    /// The connection is to end after what is under way. True if that is nothing, so that it can be closed now.
    mutating func drain() -> Bool {
        switch state {
        case .active where entries.isEmpty, .closed:
            state = .closed
            return true
        case .active, .draining:
            state = .draining
            return false
        }
    }

    /// The connection is lost. Returns the requests whose outcome is unknown, oldest first.
    mutating func close() -> [Token] {
        state = .closed
        defer { entries = [] }
        return entries.map(\.token)
    }
}
