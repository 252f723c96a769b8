// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import Synchronization

/// A sequence of a run's events as they happen.
///
/// A stream survives lost connections: it reconnects by itself and continues after the last delivered event. No event
/// is missed or delivered twice, and the request that created the run is never sent again. Leaving the loop, or
/// cancelling the task, closes the connection; the run continues and can be followed later.
///
/// ```swift
/// let stream = try await client.stream(agent: "writer", input: "Tell me a story")
/// for try await event in stream {
///     if case .messagePart(let part) = event.event { print(part.text ?? "", terminator: "") }
/// }
/// ```
///
/// A stream buffers only a few pieces of the response, so that a slow consumer slows the server down. It can be
/// iterated once.
///
/// The iteration throws ``ACPClientError``, and `CancellationError` if the task is cancelled. Events of kind `error`
/// are not delivered: with them a server reports why it interrupts the stream. The stream then reconnects, and if that
/// fails, the error is the cause of the thrown error.
public struct RunStream: AsyncSequence, Sendable {
    /// An event and its index.
    public typealias Element = StreamedEvent

    /// The id of the run.
    ///
    /// It is known before the first event if the server sends the header `Run-ID`, as servers of this package and the
    /// reference implementation do. `nil` if it does not, and no event with the run's id has been read yet.
    public var runID: RunID? { identity.runID }

    private let identity: RunIdentity
    private let transport: Transport
    private let milestone: RunMilestone
    private let origin: Origin
    private let session: ClientSession?

    init(
        runID: RunID?, transport: Transport, from start: Start, until milestone: RunMilestone,
        session: ClientSession? = nil
    ) {
        identity = RunIdentity(runID)
        self.transport = transport
        self.milestone = milestone
        self.session = session
        origin = Origin(start)
    }

    /// Returns an iterator of the events. A second iterator throws an error with code `streamConsumed`.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            reader: RunReader(identity: identity, transport: transport, start: origin.take(), milestone: milestone),
            session: session)
    }

    /// An iterator that reads a stream's events.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let reader: RunReader
        let session: ClientSession?

        /// Returns the next event, or `nil` after the last one.
        public func next() async throws -> StreamedEvent? {
            let event = try await reader.next()
            if let session, let id = event?.event.run?.sessionID { session.adopt(id) }
            return event
        }
    }

    /// The source of a stream's first events.
    enum Start: Sendable {
        /// The response to a request. The index of its first event may be unknown.
        case response(HTTPClientResponse, firstIndex: Int?)
        /// The event with an index. The stream connects when it is requested.
        case index(Int)
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

/// The id of a stream's run, shared by the stream and its iterator.
final class RunIdentity: Sendable {
    private let id: Mutex<RunID?>

    init(_ id: RunID?) { self.id = Mutex(id) }

    var runID: RunID? { id.withLock { $0 } }

    /// Sets the run's id from an event, if it is not known yet.
    func learn(from event: Event) {
        guard let found = event.runID else { return }
        id.withLock { if $0 == nil { $0 = found } }
    }
}
