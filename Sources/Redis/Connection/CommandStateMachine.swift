// SPDX-License-Identifier: Apache-2.0

import DequeModule
import NIOCore

/// The requests in flight on an established connection, in the order in which they were written.
///
/// The state machine does no I/O. Each event returns an action that the channel handler performs.
///
/// ```
/// active ──drain──▶ draining ──last reply──▶ closed
///    └───────────────close, from any state──────▲
/// ```
///
/// Replies are matched to requests by their order only. A request that was cancelled or whose deadline has passed keeps
/// its place, and its replies are dropped when they arrive. The connection is closed if no replies arrive at all: when
/// the oldest request is past its deadline and not a single byte was read for `silenceLimit` since it was written. A
/// peer that still sends bytes is slow, not dead.
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

    /// The number of requests whose replies are incomplete.
    var outstanding: Int { entries.count }
    var isClosed: Bool { state == .closed }

    // MARK: Events

    enum SendAction: Equatable {
        /// Write the commands.
        case write
        /// The connection accepts no more requests; the request was not sent.
        case reject
    }

    /// Registers a request that is about to be written.
    mutating func send(_ token: Token, replyCount: Int, deadline: NIODeadline, now: NIODeadline) -> SendAction {
        guard state == .active else { return .reject }
        precondition(replyCount > 0, "a request must have at least one reply")
        entries.append(Entry(token: token, replyCount: replyCount, deadline: deadline, writtenAt: now))
        return .write
    }

    enum ReplyAction {
        /// The reply belongs to this request.
        case deliver(Token, isLast: Bool)
        /// The reply belongs to this request, which was the last one: close the connection.
        case deliverAndClose(Token)
        /// There is no request for the reply: the connection is out of step and must be closed.
        case violation
    }

    /// Processes a complete reply.
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

    /// Notes that bytes were read, whether or not they complete a reply.
    mutating func readBytes(now: NIODeadline) {
        lastRead = now
    }

    struct ExpiryAction {
        /// The requests whose deadline has passed. They are reported once and keep their places.
        var expired: [Token] = []
        /// The peer is considered dead: close the connection.
        var shouldClose = false
        /// When to call `checkDeadlines` again, or `nil` if there is no deadline.
        var next: NIODeadline?
    }

    /// Expires requests, and detects a dead connection.
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
                action.shouldClose = true
            } else {
                action.next = min(action.next ?? .distantFuture, silentSince + silenceLimit)
            }
        }
        return action
    }

    /// Refuses further requests and ends the connection after the last reply. Returns `true` if it can be closed now.
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

    /// Closes the connection. Returns the requests whose outcome is unknown, oldest first.
    mutating func close() -> [Token] {
        state = .closed
        defer { entries = [] }
        return entries.map(\.token)
    }
}
