// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import Synchronization

/// The events of a run, as they happen.
///
/// A stream keeps its promise over any number of connections: when one breaks, it goes on by itself after the last event
/// that it delivered. No event is missed, none comes twice, and the request that began the run is never sent again.
/// Breaking out of the loop, or cancelling the task, ends the connection; the run goes on and can be followed later.
///
/// ```swift
/// let stream = try await client.stream(agent: "writer", input: "Tell me a story")
/// for try await event in stream {
///     if case .messagePart(let part) = event.event { print(part.text ?? "", terminator: "") }
/// }
/// ```
///
/// It holds no more than a few buffers of the connection: a consumer that is slow slows its server down. A stream can be
/// iterated once.
///
/// The loop throws ``ACPClientError``, and `CancellationError` when the task is cancelled. An event of kind `error` is not
/// delivered: a server tells with it why it breaks the stream off, so the stream is taken up again, and the error is the
/// cause of what is thrown if that fails.
public struct RunStream: AsyncSequence, Sendable {
    public typealias Element = StreamedEvent

    /// The run whose events these are.
    ///
    /// It is known before the first event if the server sends the header `Run-ID`, as servers of this package and the reference
    /// do. If `nil`, the server does not, and no event that names the run has been read yet.
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

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            reader: RunReader(identity: identity, transport: transport, start: origin.take(), milestone: milestone),
            session: session)
    }

    /// Reads a stream's events.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let reader: RunReader
        let session: ClientSession?

        /// The next event, or nil after the last one.
        public func next() async throws -> StreamedEvent? {
            let event = try await reader.next()
            if let session, let id = event?.event.run?.sessionID { session.adopt(id) }
            return event
        }
    }

    /// What a stream begins with.
    enum Start: Sendable {
        /// The answer of a request, whose first event has an index that may not be known.
        case response(HTTPClientResponse, firstIndex: Int?)
        /// Nothing yet: a connection is made when the first event is asked for, which is the one of this index.
        case index(Int)
    }

    /// Holds the start until somebody takes it: a response can be read once.
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

/// Which run a stream is about, shared by the stream and those who read it.
final class RunIdentity: Sendable {
    private let id: Mutex<RunID?>

    init(_ id: RunID?) { self.id = Mutex(id) }

    var runID: RunID? { id.withLock { $0 } }

    /// Takes the run's id from an event, unless it is known.
    func learn(from event: Event) {
        guard let found = event.runID else { return }
        id.withLock { if $0 == nil { $0 = found } }
    }
}
