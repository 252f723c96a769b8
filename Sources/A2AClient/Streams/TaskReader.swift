// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import AsyncHTTPClient
import Logging

/// Reads a task's stream over any number of connections.
///
/// It is a class only because an iterator is copied when a loop begins; one Swift task at a time uses it.
final class TaskReader {
    private enum Source {
        case none
        case connection(StreamConnection)
        case finished
    }

    private static let shortestStableConnection = Duration.seconds(15)

    private let link: AgentLink
    private let position: TaskPosition
    /// The interface of the stream's first connection. If `nil`, the one of the card is used.
    private var endpoint: Endpoint?
    /// The request that began the stream, if the server recognizes that it is repeated.
    private var resend: ClientRequest?
    private var progress: StreamProgress
    private var source: Source
    /// The elements that have not been returned, in reverse order.
    private var pending: [A2A.StreamResponse] = []
    private var backoff: Backoff
    private var polling = Polling()
    private var outage: Outage
    private var random = SystemRandomNumberGenerator()
    /// The verb of subscriptions in the HTTP+JSON binding. If `nil`, it is POST.
    private var verb: String?
    private let isConsumed: Bool

    init(
        link: AgentLink, endpoint: Endpoint?, start: TaskStream.Start?, progress: StreamProgress,
        position: TaskPosition
    ) {
        self.link = link
        self.endpoint = endpoint
        self.progress = progress
        self.position = position
        backoff = Backoff(link.configuration.reconnection)
        let report = link.configuration.onStreamConnectionChange
        outage = Outage(
            onLoss: { report?(.lost(task: position.taskID, reason: $0)) },
            onRestoration: { report?(.restored(task: position.taskID)) })
        isConsumed = start == nil
        switch start {
        case .connection(let connection, let resend):
            source = .connection(connection)
            self.resend = resend
        case .subscription: source = .none
        case nil: source = .finished
        }
    }

    func next() async throws -> A2A.StreamResponse? {
        guard !isConsumed else {
            throw A2AClientError(
                .streamConsumed,
                "a stream can be iterated once: use subscribe(to:after:) to read the task's events again")
        }
        while true {
            try Task.checkCancellation()
            if let element = pending.popLast() { return element }
            switch source {
            case .finished: return nil
            case .none: try await connect()
            case .connection(let connection): try await read(connection)
            }
        }
    }

    private func accept(_ elements: [A2A.StreamResponse]) {
        position.update(progress)
        // Releasing the connection closes it: nothing further is needed.
        if progress.isFinished { source = .finished }
        guard !elements.isEmpty else { return }
        pending = elements.reversed()
        backoff.reset()
        polling.reset()
        outage.end()
    }

    // MARK: - A connection

    /// Reads the next frame of a connection, or prepares the next connection.
    private func read(_ connection: StreamConnection) async throws {
        do {
            switch try await connection.next(onBytes: { outage.end() }) {
            case .element(let element, let id): accept(progress.receive(element, id: id))
            case .error(let error):
                try await recover(from: connection.reader.failure(error, status: nil), connection)
            case nil where progress.isCut: try await recover(from: nil, connection)
            case nil: source = .finished
            }
        } catch let error as A2AClientError {
            source = .finished
            throw error
        } catch {
            try Task.checkCancellation()
            // Silence on an established connection is not a failure: an agent may work for hours.
            let wasSilent = (error as? HTTPClientError) == .readTimeout
            if wasSilent { backoff.reset() }
            try await recover(from: error, connection, wasSilent: wasSilent)
        }
    }

    /// Prepares the next connection, after a delay, because a connection has ended before the task.
    ///
    /// - Parameter wasSilent: Whether the connection is replaced because nothing arrived, which is not an outage.
    private func recover(
        from cause: (any Error)?, _ connection: StreamConnection, wasSilent: Bool = false
    ) async throws {
        source = .none
        if let delay = connection.retryDelay { backoff.initialDelay = delay }
        // Some proxies end all connections after a while. Only connections that end soon count as failed attempts.
        if .now - connection.openedAt > Self.shortestStableConnection { backoff.reset() }
        guard progress.taskID != nil || resend != nil else {
            if let error = cause as? A2AClientError, error.code == .serverError { throw error }
            throw broken("and cannot be continued: the server has not sent the id of the task", cause)
        }
        try await pause(after: cause, isOutage: !wasSilent)
    }

    private func pause(after cause: (any Error)?, isOutage: Bool = true) async throws {
        if isOutage { outage.begin(reason: reason(cause)) }
        let retryAfter = (cause as? A2AClientError)?.retryAfter
        guard let delay = backoff.nextDelay(retryAfter: retryAfter, using: &random) else {
            let attempts = backoff.failures
            let tried =
                "and \(attempts == 1 ? "1 attempt" : "\(attempts) attempts") to reconnect to "
                + "\(link.transport.baseURL.authority) within \(outage.length.wholeSeconds) failed"
            throw broken(attempts == 0 ? "" : tried, cause)
        }
        link.configuration.logger?.debug(
            "A2A stream was interrupted, reconnecting",
            metadata: [
                "task": "\(progress.taskID?.rawValue ?? "unknown")", "delay": "\(delay.seconds)",
                "cause": "\(reason(cause))",
            ])
        try await Task.sleep(for: delay)
    }

    private func broken(_ detail: String, _ cause: (any Error)?) -> A2AClientError {
        source = .finished
        let because = [detail, cause.map { "(\(reason($0)))" } ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
        let failure = cause as? A2AClientError
        var error = A2AClientError(
            .streamBroken,
            "the stream of \(progress.taskID.map { "task \($0)" } ?? "a task") was interrupted\(because.isEmpty ? "" : " \(because)"). "
                + "The task may continue: subscribe to it, or fetch it", cause: cause)
        error.taskID = progress.taskID
        error.lastEventID = progress.lastEventID
        error.serverError = failure?.serverError
        error.status = failure?.status
        return error
    }

    /// Returns the reason why a connection ended.
    private func reason(_ cause: (any Error)?) -> String {
        switch cause {
        case nil: "the server ended the connection before the task"
        case let error as A2AClientError: error.message
        case let error as HTTPClientError: error.shortDescription
        case let error?: "\(error)"
        }
    }

    // MARK: - Connecting

    private func currentEndpoint() async throws -> Endpoint {
        if let endpoint { return endpoint }
        let found = try await link.endpoint()
        endpoint = found
        return found
    }

    private func connect() async throws {
        do {
            guard let id = progress.taskID else { return try await sendAgain() }
            let endpoint = try await currentEndpoint()
            if polling.isOn { return try await fetch(id, endpoint, instead: nil) }
            try await subscribe(id, endpoint)
        } catch let error as A2AClientError where error.isTransient {
            try await pause(after: error)
        } catch {
            source = .finished
            throw error
        }
    }

    private func sendAgain() async throws {
        guard let resend, let endpoint else { throw broken("", nil) }
        source = .connection(try await link.open(resend, isJSONRPC: endpoint.isJSONRPC, taskID: nil))
    }

    private func subscribe(_ id: A2A.TaskID, _ endpoint: Endpoint) async throws {
        var request = try endpoint.request(.subscribeToTask, A2A.SubscribeToTaskRequest(id: id), verb: verb)
        if let last = progress.lastEventID { request.extraHeaders.append(("Last-Event-ID", last)) }
        do {
            let connection = try await link.open(request, isJSONRPC: endpoint.isJSONRPC, taskID: id)
            progress.reconnected()
            source = .connection(connection)
        } catch let error as A2AClientError where error.status == 405 && !endpoint.isJSONRPC && verb == nil {
            // The texts of the specification disagree about the verb.
            verb = "GET"
        } catch let error as A2AClientError where error.code == .serverError {
            guard error.serverError?.code == .internalError || !error.isTransient else { throw error }
            try await fetch(id, endpoint, instead: error)
        }
    }

    // MARK: - Fetching the task, if it is over or its server does not stream it

    /// The state of polling a task.
    private struct Polling {
        var isOn = false
        private var delay = Duration.milliseconds(100)

        mutating func reset() { delay = .milliseconds(100) }

        mutating func nextDelay() -> Duration {
            defer { delay = min(delay * 1.5, .seconds(2)) }
            return delay
        }
    }

    /// - Parameter error: Why the task cannot be streamed.
    private func fetch(_ id: A2A.TaskID, _ endpoint: Endpoint, instead error: A2AClientError?) async throws {
        let request = try endpoint.request(.getTask, A2A.GetTaskRequest(id: id))
        let reader = link.reader(request, isJSONRPC: endpoint.isJSONRPC, taskID: id)
        let task: A2A.Task
        do {
            task = try reader.value(A2A.Task.self, try await link.send(request, taskID: id))
        } catch let failure as A2AClientError where failure.code == .serverError && !failure.isTransient {
            throw progress.hasDelivered ? broken("and the task cannot be fetched", failure) : failure
        }
        accept(progress.receive(fetched: task))
        if progress.isFinished { return outage.end() }
        if let error {
            let isUnsupported = [.unsupportedOperation, .methodNotFound].contains(error.serverError?.code)
            guard isUnsupported || [404, 405, 501].contains(error.status) else {
                return try await pause(after: error)
            }
            polling.isOn = true
        }
        outage.end()
        if pending.isEmpty { try await Task.sleep(for: polling.nextDelay()) }
    }
}
