// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient

// MARK: - New runs

extension ACPClient {
    /// Runs an agent and waits until the run ends or awaits an answer.
    ///
    /// ```swift
    /// let run = try await client.run(agent: "greeter", input: "Ada").checked()
    /// print(run.text)  // Hello, Ada!
    /// ```
    ///
    /// The returned run may have failed or await an answer: check its `status`, or call `checked()`, which throws if
    /// the run has failed. If the response takes longer than ``ACPClient/Timeouts/run``, the call throws and the run
    /// continues.
    ///
    /// - Parameters:
    ///   - agent: The agent's name.
    ///   - input: A string, a message, a part or an array of those.
    ///   - session: The session to continue. If `nil`, the server creates a session, whose id is in the run.
    /// - Returns: The run when it has ended or awaits an answer.
    /// - Throws: ``ACPClientError``; `CancellationError`.
    public func run(agent: AgentName, input: some RunInput, session: SessionID? = nil) async throws -> Run {
        try await run(RunCreateRequest(agentName: agent, input: input.inputMessages, sessionID: session))
    }

    /// Starts a run of an agent and returns at once.
    ///
    /// ```swift
    /// let started = try await client.start(agent: "writer", input: "A long story")
    /// let run = try await client.wait(for: started.id)
    /// ```
    ///
    /// Observe the run with ``follow(_:after:until:)``, ``wait(for:until:timeout:)`` or ``fetchRun(_:)-(RunID)``.
    ///
    /// - Parameters:
    ///   - agent: The agent's name.
    ///   - input: A string, a message, a part or an array of those.
    ///   - session: The session to continue. If `nil`, the server creates a session, whose id is in the run.
    /// - Returns: The run as it was created.
    /// - Throws: ``ACPClientError``; `CancellationError`.
    public func start(agent: AgentName, input: some RunInput, session: SessionID? = nil) async throws -> Run {
        try await start(RunCreateRequest(agentName: agent, input: input.inputMessages, sessionID: session))
    }

    /// Runs an agent and streams its events as they happen, until the run ends or awaits an answer.
    ///
    /// ```swift
    /// for try await event in try await client.stream(agent: "writer", input: "Tell me a story") {
    ///     if case .messagePart(let part) = event.event { print(part.text ?? "", terminator: "") }
    /// }
    /// ```
    ///
    /// The call returns as soon as the server has accepted the run, so that errors such as an unknown agent are thrown
    /// here.
    ///
    /// - Parameters:
    ///   - agent: The agent's name.
    ///   - input: A string, a message, a part or an array of those.
    ///   - session: The session to continue. If `nil`, the server creates a session, whose id is in the run.
    /// - Throws: ``ACPClientError``; `CancellationError`.
    public func stream(agent: AgentName, input: some RunInput, session: SessionID? = nil) async throws -> RunStream {
        try await stream(RunCreateRequest(agentName: agent, input: input.inputMessages, sessionID: session))
    }

    /// Runs an agent with a complete request, like ``run(agent:input:session:)``. The mode of the request is ignored.
    public func run(_ request: RunCreateRequest) async throws -> Run {
        var request = request
        request.mode = .sync
        return try await transport.send(
            .creation(request), as: Run.self, timeout: transport.configuration.timeouts.run)
    }

    /// Starts a run with a complete request, like ``start(agent:input:session:)``. The mode of the request is ignored.
    public func start(_ request: RunCreateRequest) async throws -> Run {
        var request = request
        request.mode = .async
        return try await transport.send(.creation(request), as: Run.self)
    }

    /// Streams a run with a complete request, like ``stream(agent:input:session:)``. The mode of the request is
    /// ignored.
    public func stream(_ request: RunCreateRequest) async throws -> RunStream {
        try await stream(request, session: nil)
    }

    func stream(_ request: RunCreateRequest, session: ClientSession?) async throws -> RunStream {
        var request = request
        request.mode = .stream
        return try await openStream(.creation(request), firstIndex: 0, session: session)
    }
}

// MARK: - Runs that await an answer

extension ACPClient {
    /// Answers the question of a run, and waits until the run ends or awaits another answer.
    ///
    /// ```swift
    /// var run = try await client.run(agent: "questioner", input: "Hello")
    /// while run.status == .awaiting {
    ///     run = try await client.resume(run.id, with: "Ada")
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - run: The run that awaits an answer.
    ///   - answer: A string, a message, a part or an `AwaitResume`.
    /// - Returns: The run when it has ended or awaits another answer.
    /// - Throws: ``ACPClientError`` with code `serverError` and status 403 if the run does not await an answer.
    public func resume(_ run: RunID, with answer: some ResumeInput) async throws -> Run {
        try await transport.send(
            resumeRequest(run, answer, .sync), as: Run.self, timeout: transport.configuration.timeouts.run)
    }

    /// Answers the question of a run, and returns at once.
    ///
    /// ```swift
    /// _ = try await client.start(resuming: run.id, with: "Ada")
    /// let ended = try await client.wait(for: run.id, until: .terminal)
    /// ```
    ///
    /// - Parameters:
    ///   - run: The run that awaits an answer.
    ///   - answer: A string, a message, a part or an `AwaitResume`.
    /// - Returns: The run after it has received the answer.
    /// - Throws: ``ACPClientError`` with code `serverError` and status 403 if the run does not await an answer.
    public func start(resuming run: RunID, with answer: some ResumeInput) async throws -> Run {
        try await transport.send(resumeRequest(run, answer, .async), as: Run.self)
    }

    /// Answers the question of a run, and streams the events that follow, until the run ends or awaits another answer.
    ///
    /// ```swift
    /// for try await event in try await client.stream(resuming: run.id, with: "Ada") {
    ///     run.apply(event.event)
    /// }
    /// ```
    ///
    /// If the server does not number its events, this stream cannot be continued after a lost connection.
    ///
    /// - Parameters:
    ///   - run: The run that awaits an answer.
    ///   - answer: A string, a message, a part or an `AwaitResume`.
    /// - Throws: ``ACPClientError`` with code `serverError` and status 403 if the run does not await an answer.
    public func stream(resuming run: RunID, with answer: some ResumeInput) async throws -> RunStream {
        try await stream(resuming: run, with: answer, session: nil)
    }

    func stream(
        resuming run: RunID, with answer: some ResumeInput, session: ClientSession?
    ) async throws -> RunStream {
        try await openStream(resumeRequest(run, answer, .stream), firstIndex: nil, session: session)
    }

    private func resumeRequest(_ run: RunID, _ answer: some ResumeInput, _ mode: RunMode) throws -> ClientRequest {
        let body = RunResumeRequest(awaitResume: answer.awaitResume, mode: mode, runID: run)
        return try .post("/runs/\(run)", json: body, runID: run)
    }
}

// MARK: - Streamed responses

extension ACPClient {
    private func openStream(
        _ request: ClientRequest, firstIndex: Int?, session: ClientSession?
    ) async throws -> RunStream {
        var request = request
        request.accept = "text/event-stream"
        let response = try await transport.open(request)
        guard response.headers.mediaType == "text/event-stream" else {
            throw try await transport.unexpected(response, for: request)
        }
        // Not all servers send the header. Otherwise the id is taken from the first event that contains it.
        return RunStream(
            runID: request.runID ?? response.headers.runID, transport: transport,
            from: .response(response, firstIndex: firstIndex), until: .settled,
            session: session)
    }
}
