// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient
import Logging
import NIOHTTP1

/// Reads a run's events over any number of connections.
///
/// It is a class only because an iterator is copied when a loop begins; one task at a time uses it.
final class RunReader {
    private enum Source {
        case none
        case connection(EventConnection)
        /// The undelivered events of a list, in reverse order, for a server that does not stream.
        case list([StreamedEvent])
        case finished
    }

    private let identity: RunIdentity
    private let transport: Transport
    private let milestone: RunMilestone
    private var position: EventPosition
    private var source: Source
    private var backoff: Backoff
    private var polling = Polling()
    private var outage: Outage
    private var random = SystemRandomNumberGenerator()
    private let isConsumed: Bool

    init(identity: RunIdentity, transport: Transport, start: RunStream.Start?, milestone: RunMilestone) {
        self.identity = identity
        let report = transport.configuration.onStreamConnectionChange
        outage = Outage(
            onLoss: { report?(.lost(run: identity.runID, reason: $0)) },
            onRestoration: { report?(.restored(run: identity.runID)) })
        self.transport = transport
        self.milestone = milestone
        backoff = Backoff(transport.configuration.reconnection)
        isConsumed = start == nil
        switch start {
        case .response(let response, let firstIndex):
            position = EventPosition(next: firstIndex)
            let limit = transport.configuration.maximumResponseBytes
            source = .connection(EventConnection(response, maximumBytes: limit))
        case .index(let index):
            position = EventPosition(next: index)
            source = .none
        case nil:
            position = EventPosition(next: nil)
            source = .finished
        }
    }

    func next() async throws -> StreamedEvent? {
        guard !isConsumed else {
            throw ACPClientError(
                .streamConsumed, "a stream can be iterated once: use follow(_:) to read the run's events again")
        }
        while true {
            try Task.checkCancellation()
            switch source {
            case .finished:
                return nil
            case .none:
                try await connect()
            case .list(var events):
                // Releases the second reference, so that removing an event does not copy the list.
                source = .none
                let event = events.popLast()
                source = events.isEmpty ? .none : .list(events)
                if let event { return deliver(event) }
            case .connection(let connection):
                if let event = try await read(connection) { return deliver(event) }
            }
        }
    }

    private func deliver(_ event: StreamedEvent) -> StreamedEvent {
        backoff.reset()
        polling.reset()
        outage.end()
        // Releasing the connection closes it: no further events are needed.
        if milestone.isReached(by: event.event.kind) { source = .finished }
        return event
    }

    // MARK: - A stream

    /// Returns the connection's next event, or `nil` if the source has changed or an event was skipped.
    private func read(_ connection: EventConnection) async throws -> StreamedEvent? {
        do {
            guard let received = try await connection.next(onBytes: { outage.end() }) else {
                try await recover(from: nil, connection)
                return nil
            }
            identity.learn(from: received.event)
            if case .error(let error) = received.event, received.id == nil {
                try await recover(from: error, connection)
                return nil
            }
            switch position.place(id: received.id) {
            case .deliver(let index): return StreamedEvent(index: index, event: received.event)
            case .skip: return nil
            case .gap(let expected, let found):
                let message = "received event \(found) instead of \(expected)"
                try await recover(from: ACPClientError(.invalidResponse, message), connection)
                return nil
            }
        } catch let error as ACPClientError {
            source = .finished
            throw error
        } catch {
            try Task.checkCancellation()
            // Silence on an established connection is not a failure: an agent may work for hours.
            let wasSilent = (error as? HTTPClientError) == .readTimeout
            if wasSilent { backoff.reset() }
            try await recover(from: error, connection, wasSilent: wasSilent)
            return nil
        }
    }

    /// Prepares the next connection, after a delay, because a connection has ended before the run.
    ///
    /// - Parameter wasSilent: Whether the connection is replaced because nothing arrived, which is not an outage.
    private func recover(
        from cause: (any Error)?, _ connection: EventConnection, wasSilent: Bool = false
    ) async throws {
        source = .none
        if let delay = connection.retryDelay { backoff.initialDelay = delay }
        guard identity.runID != nil else {
            throw broken(
                "and cannot be continued: the server sent the run's id neither in a Run-ID header nor in an event",
                cause)
        }
        guard position.next != nil else {
            throw broken(
                "and cannot be continued: the server does not number its events, so that the position is unknown", cause
            )
        }
        try await pause(after: cause, isOutage: !wasSilent)
    }

    private func pause(after cause: (any Error)?, isOutage: Bool = true) async throws {
        if isOutage { outage.begin(reason: Self.reason(cause)) }
        let retryAfter = (cause as? ACPClientError)?.retryAfter
        guard let delay = backoff.nextDelay(retryAfter: retryAfter, using: &random) else {
            let attempts = backoff.failures
            let tried =
                "and \(attempts == 1 ? "1 attempt" : "\(attempts) attempts") to reconnect to "
                + "\(transport.baseURL.authority) within \(outage.length.wholeSeconds) failed"
            throw broken(attempts == 0 ? "" : tried, cause)
        }
        transport.configuration.logger?.debug(
            "ACP stream was interrupted, reconnecting",
            metadata: [
                "run": "\(identity.runID?.rawValue ?? "unknown")", "next_event": "\(position.next ?? 0)",
                "delay": "\(delay.seconds)",
                "cause": "\(cause.map { "\($0)" } ?? "the connection ended")",
            ])
        try await Task.sleep(for: delay)
    }

    private func broken(_ detail: String, _ cause: (any Error)?) -> ACPClientError {
        source = .finished
        let place = position.last.map { "after event \($0)" } ?? "before the first numbered event"
        let reason = cause.map { Self.reason($0) }
        let because = [detail, reason.map { "(\($0))" } ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
        var error = ACPClientError(
            .streamBroken,
            "the stream of \(identity.runID.map { "run \($0)" } ?? "a run") was interrupted \(place)\(because.isEmpty ? "" : " \(because)"). "
                + "The run may continue: follow it, or fetch its status", cause: cause)
        error.runID = identity.runID
        error.lastIndex = position.last
        error.serverError = cause as? ACPError ?? (cause as? ACPClientError)?.serverError
        error.status = (cause as? ACPClientError)?.status
        return error
    }

    /// Returns the reason why a connection ended.
    private static func reason(_ cause: (any Error)?) -> String {
        switch cause {
        case nil: "the server ended the connection before the run"
        case let error as ACPClientError: error.message
        case let error as ACPError: error.message
        case let error as HTTPClientError: error.shortDescription
        case let error?: "\(error)"
        }
    }

    // MARK: - Connecting

    /// Returns the run's id. It is always known when this is called: at the first connection, or after ``recover``.
    private func knownRunID() throws(ACPClientError) -> RunID {
        guard let runID = identity.runID else { throw broken("", nil) }
        return runID
    }

    private func connect() async throws {
        let runID = try knownRunID()
        if polling.isOn { return try await poll() }
        var request = ClientRequest.get("/runs/\(runID)/events", runID: runID)
        request.accept = "text/event-stream"
        if let last = position.last { request.extraHeaders = [("Last-Event-ID", "\(last)")] }
        do {
            let response = try await transport.open(request)
            switch response.headers.mediaType {
            case "text/event-stream":
                position.reconnected()
                let limit = transport.configuration.maximumResponseBytes
                source = .connection(EventConnection(response, maximumBytes: limit))
            case "application/json":
                polling.isOn = true
                try await process(try await transport.collect(response, for: request), for: request)
            default:
                source = .finished
                throw try await transport.unexpected(response, for: request)
            }
        } catch let error as ACPClientError where error.isTransient {
            try await pause(after: error)
        } catch {
            source = .finished
            throw error
        }
    }

    // MARK: - Polling, for servers that do not stream

    /// The state of polling a list.
    private struct Polling {
        var isOn = false
        private var delay = Duration.milliseconds(100)
        /// Whether the previous list had no new events although the run had ended.
        var endedWithoutEvent = false

        mutating func reset() {
            delay = .milliseconds(100)
            endedWithoutEvent = false
        }

        mutating func nextDelay() -> Duration {
            defer { delay = min(delay * 1.5, .seconds(2)) }
            return delay
        }
    }

    private func poll() async throws {
        let runID = try knownRunID()
        let request = ClientRequest.get("/runs/\(runID)/events", runID: runID)
        do {
            try await process(try await transport.send(request), for: request)
        } catch let error as ACPClientError where error.isTransient {
            try await pause(after: error)
        } catch {
            source = .finished
            throw error
        }
    }

    private func process(_ response: ClientResponse, for request: ClientRequest) async throws {
        let runID = try knownRunID()
        let events = try transport.decode(RunEventsListResponse.self, from: response, for: request).events
        outage.end()
        let first = position.next ?? 0
        position = EventPosition(next: max(first, events.count))
        if events.count > first {
            source = .list((first..<events.count).reversed().map { StreamedEvent(index: $0, event: events[$0]) })
            return
        }
        // Otherwise a list that is shorter than before, or lacks the last event of an ended run, would be polled
        // forever.
        let run = try await transport.send(.get("/runs/\(runID)", runID: runID), as: Run.self)
        if milestone.isReached(by: run.status), run.status.isTerminal {
            if polling.endedWithoutEvent { return source = .finished }
            polling.endedWithoutEvent = true
        }
        try await Task.sleep(for: polling.nextDelay())
    }
}
