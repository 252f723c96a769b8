// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import Synchronization

/// A sequence of the elements of a task's stream as they happen.
///
/// A stream survives lost connections: a connection that ends although the task has neither ended nor requires anything
/// of its client was cut, and the stream subscribes to the task by itself. If the server numbers its events, as servers
/// of this package do, it continues after the last delivered one: nothing is missed or delivered twice. Other servers
/// send the current state of the task first, of which only the differences from what was delivered are delivered, as
/// updates; an event that such a server sends again after this state cannot be recognized in all cases. If the task has
/// ended meanwhile, or the server does not support subscriptions, the task is fetched instead.
///
/// ```swift
/// var task: A2A.Task?
/// for try await element in try await client.streamMessage("Tell me a story") {
///     switch element {
///     case .task(let current): task = current
///     case .artifactUpdate(let update): print(update.artifact.text, terminator: "")
///     default: break
///     }
///     task?.apply(element)
/// }
/// ```
///
/// Leaving the loop, or cancelling the Swift task, closes the connection; the agent's task continues and can be
/// subscribed to later. A stream buffers only a few pieces of the response, so that a slow consumer slows the server
/// down. It can be iterated once.
///
/// The iteration throws ``A2AClientError``, and `CancellationError` if the Swift task is cancelled. Elements of kinds
/// that this version does not know are not delivered.
public struct TaskStream: AsyncSequence, Sendable {
    /// An element of the stream: the task, a message, or an update.
    public typealias Element = A2A.StreamResponse

    /// The id of the task. `nil` if it is a new one and no element with its id has been read yet.
    public var taskID: A2A.TaskID? { position.taskID }

    /// The id of the last event that was read. ``A2AClient/subscribe(to:after:)`` continues after it. `nil` if the
    /// server does not number its events.
    public var lastEventID: String? { position.lastEventID }

    private let link: AgentLink
    private let endpoint: Endpoint?
    private let progress: StreamProgress
    private let position: TaskPosition
    private let origin: Origin

    init(link: AgentLink, endpoint: Endpoint?, start: Start, progress: StreamProgress) {
        self.link = link
        self.endpoint = endpoint
        self.progress = progress
        position = TaskPosition(progress)
        origin = Origin(start)
    }

    /// Returns an iterator of the elements. A second iterator throws an error with code `streamConsumed`.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            reader: TaskReader(
                link: link, endpoint: endpoint, start: origin.take(), progress: progress, position: position))
    }

    /// An iterator that reads a stream's elements.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let reader: TaskReader

        /// Returns the next element, or `nil` after the last one.
        public func next() async throws -> A2A.StreamResponse? { try await reader.next() }
    }

    /// The source of a stream's first elements.
    enum Start: Sendable {
        /// The response to a send, and the request if it can be repeated.
        case connection(StreamConnection, resend: ClientRequest?)
        /// A subscription. The stream connects when its first element is requested.
        case subscription
    }

    /// Stores the start until the first iterator takes it, since a response can be read only once.
    private final class Origin: Sendable {
        private let start: Mutex<Start?>

        init(_ start: Start) { self.start = Mutex(start) }

        func take() -> Start? {
            start.withLock { start in
                defer { start = nil }
                return start
            }
        }
    }
}

/// The position of a stream, shared by the stream and its iterator.
final class TaskPosition: Sendable {
    private let value: Mutex<(taskID: A2A.TaskID?, lastEventID: String?)>

    init(_ progress: StreamProgress) { value = Mutex((progress.taskID, progress.lastEventID)) }

    var taskID: A2A.TaskID? { value.withLock { $0.taskID } }
    var lastEventID: String? { value.withLock { $0.lastEventID } }

    func update(_ progress: StreamProgress) {
        value.withLock { $0 = (progress.taskID, progress.lastEventID) }
    }
}
