// SPDX-License-Identifier: Apache-2.0

import ACPCore
import AsyncHTTPClient

// MARK: - New runs

extension ACPClient {
    /// Runs an agent and waits until it has ended or asks something.
    ///
    /// The run that comes back may have failed or await an answer: look at its `status`, or use `checked()`, which throws
    /// for a failed one. If the answer takes longer than ``ACPClient/Timeouts/run``, the call throws and the run goes on.
    ///
    /// - Parameters:
    ///   - agent: The agent's name.
    ///   - input: A string, a message, a part or an array of those.
    ///   - session: The session to continue. Nil begins a new one, whose id is in the run.
    public func run(agent: AgentName, input: some RunInput, session: SessionID? = nil) async throws -> Run {
        try await run(RunCreateRequest(agentName: agent, input: input.inputMessages, sessionID: session))
    }

    /// Runs an agent and returns at once. What becomes of the run is learned with ``follow(_:after:until:)``,
    /// ``wait(for:until:timeout:)`` or ``run(_:)-(RunID)``.
    public func start(agent: AgentName, input: some RunInput, session: SessionID? = nil) async throws -> Run {
        try await start(RunCreateRequest(agentName: agent, input: input.inputMessages, sessionID: session))
    }

    /// Runs an agent and gives its events as they happen, until it has ended or asks something.
    ///
    /// Returns as soon as the server has taken the run, so that errors such as an unknown agent are thrown here.
    public func stream(agent: AgentName, input: some RunInput, session: SessionID? = nil) async throws -> RunStream {
        try await stream(RunCreateRequest(agentName: agent, input: input.inputMessages, sessionID: session))
    }

    /// Like ``run(agent:input:session:)``, with a request in full. Its mode does not matter.
    public func run(_ request: RunCreateRequest) async throws -> Run {
        var request = request
        request.mode = .sync
        return try await transport.send(
            .creation(request), as: Run.self, timeout: transport.configuration.timeouts.run)
    }

    /// Like ``start(agent:input:session:)``, with a request in full. Its mode does not matter.
    public func start(_ request: RunCreateRequest) async throws -> Run {
        var request = request
        request.mode = .async
        return try await transport.send(.creation(request), as: Run.self)
    }

    /// Like ``stream(agent:input:session:)``, with a request in full. Its mode does not matter.
    public func stream(_ request: RunCreateRequest) async throws -> RunStream {
        try await stream(request, session: nil)
    }

    func stream(_ request: RunCreateRequest, session: ClientSession?) async throws -> RunStream {
        var request = request
        request.mode = .stream
        return try await openStream(.creation(request), firstIndex: 0, session: session)
    }
}

// MARK: - Runs that asked something

extension ACPClient {
    /// Answers what a run awaits, and waits until it has ended or asks something again.
    ///
    /// - Throws: ``ACPClientError`` with code `serverError` and status 403 if the run awaits nothing.
    public func resume(_ run: RunID, with answer: some ResumeInput) async throws -> Run {
        try await transport.send(
            resumeRequest(run, answer, .sync), as: Run.self, timeout: transport.configuration.timeouts.run)
    }

    /// Answers what a run awaits, and returns at once.
    public func start(resuming run: RunID, with answer: some ResumeInput) async throws -> Run {
        try await transport.send(resumeRequest(run, answer, .async), as: Run.self)
    }

    /// Answers what a run awaits, and gives the events that follow, until the run has ended or asks something again.
    ///
    /// Against a server that does not number its events, this stream cannot be taken up again if it breaks off.
    public func stream(resuming run: RunID, with answer: some ResumeInput) async throws -> RunStream {
        try await stream(resuming: run, with: answer, session: nil)
    }

    func stream(
        resuming run: RunID, with answer: some ResumeInput, session: ClientSession?
    ) async throws -> RunStream {
        try await openStream(resumeRequest(run, answer, .stream), firstIndex: nil, session: session)
    }

    private func resumeRequest(_ run: RunID, _ answer: some ResumeInput, _ mode: RunMode) throws -> HTTPRequest {
        let body = RunResumeRequest(awaitResume: answer.awaitResume, mode: mode, runID: run)
        return try .post("/runs/\(run)", json: body, runID: run)
    }
}

// MARK: - The answer of a streamed request

extension ACPClient {
    private func openStream(
        _ request: HTTPRequest, firstIndex: Int?, session: ClientSession?
    ) async throws -> RunStream {
        var request = request
        request.accept = "text/event-stream"
        let response = try await transport.open(request)
        guard response.headers.mediaType == "text/event-stream" else {
            throw try await transport.unexpected(response, for: request)
        }
        // Not all servers send the header. The first event that names the run will do.
        return RunStream(
            runID: request.runID ?? response.headers.runID, transport: transport,
            from: .response(response, firstIndex: firstIndex), until: .settled,
            session: session)
    }
}
