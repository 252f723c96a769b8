// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /runs`.
public struct RunCreateRequest: Sendable, Hashable {
    public var agentName: AgentName
    /// The session to continue. Nil begins a new one.
    public var sessionID: SessionID?
    /// The session as another server describes it, when a session moves between servers.
    public var session: SessionDescriptor?
    public var input: [Message]
    /// How the answer is wanted. Sync unless said otherwise.
    public var mode: RunMode
    /// Makes the request safe to send again: all with the same key get the same run. Something random, 1 to 255 characters.
    /// Not part of the body: it is sent as the header `Idempotency-Key`, which not all servers know.
    public var idempotencyKey: String?

    public init(
        agentName: AgentName,
        input: [Message],
        mode: RunMode = .sync,
        sessionID: SessionID? = nil,
        session: SessionDescriptor? = nil,
        idempotencyKey: String? = nil
    ) {
        self.agentName = agentName
        self.sessionID = sessionID
        self.session = session
        self.input = input
        self.mode = mode
        self.idempotencyKey = idempotencyKey
    }
}

extension RunCreateRequest: Codable {
    private enum CodingKeys: String, CodingKey {
        case agentName = "agent_name"
        case sessionID = "session_id"
        case session
        case input
        case mode
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        agentName = try container.decode(AgentName.self, forKey: .agentName)
        sessionID = try container.decodeIfPresent(SessionID.self, forKey: .sessionID)
        session = try container.decodeIfPresent(SessionDescriptor.self, forKey: .session)
        input = try container.decode([Message].self, forKey: .input)
        mode = try container.decodeMode(.mode) ?? .sync
    }
}

/// What `GET /processes` answers: the server processes that share a storage. Not part of the specification.
public struct ProcessesListResponse: Sendable, Hashable, Codable {
    public var processes: [ProcessDescription]

    public init(processes: [ProcessDescription]) { self.processes = processes }
}

/// One server process.
public struct ProcessDescription: Sendable, Hashable, Codable {
    /// Host, process number, and something random; `released` stands for runs that a process has handed over and nobody has
    /// taken yet.
    public var id: String
    /// Whether it gives signs of life. The runs of one that does not are taken over by others.
    public var isAlive: Bool
    /// Whether it is the one that answers.
    public var isThis: Bool
    /// How many runs it owns that have not ended.
    public var runCount: Int
    /// Those runs, at most 100 of them.
    public var runs: [RunID]

    public init(id: String, isAlive: Bool, isThis: Bool, runCount: Int, runs: [RunID]) {
        self.id = id
        self.isAlive = isAlive
        self.isThis = isThis
        self.runCount = runCount
        self.runs = runs
    }

    private enum CodingKeys: String, CodingKey {
        case id = "process_id"
        case isAlive = "alive"
        case isThis = "this"
        case runCount = "run_count"
        case runs = "run_ids"
    }
}

/// The body of `POST /runs/{run_id}`: the answer to what a run awaits.
public struct RunResumeRequest: Sendable, Hashable {
    /// The run, if the body says it as well as the path.
    public var runID: RunID?
    public var awaitResume: AwaitResume
    /// How the rest of the run is wanted. Sync unless said otherwise.
    public var mode: RunMode

    public init(awaitResume: AwaitResume, mode: RunMode = .sync, runID: RunID? = nil) {
        self.runID = runID
        self.awaitResume = awaitResume
        self.mode = mode
    }
}

extension RunResumeRequest: Codable {
    private enum CodingKeys: String, CodingKey {
        case runID = "run_id"
        case awaitResume = "await_resume"
        case mode
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        runID = try container.decodeIfPresent(RunID.self, forKey: .runID)
        awaitResume = try container.decode(AwaitResume.self, forKey: .awaitResume)
        mode = try container.decodeMode(.mode) ?? .sync
    }
}

extension KeyedDecodingContainer {
    fileprivate func decodeMode(_ key: Key) throws -> RunMode? {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        guard let mode = RunMode(rawValue: text) else {
            throw DecodingError.invalid(
                "\"\(text.prefix(40))\" is no mode: sync, async or stream is expected", at: codingPath + [key])
        }
        return mode
    }
}

/// The answer of `GET /agents`.
public struct AgentsListResponse: Sendable, Hashable, Codable {
    public var agents: [AgentManifest]
    public init(agents: [AgentManifest]) { self.agents = agents }
}

/// The answer of `GET /runs/{run_id}/events`.
public struct RunEventsListResponse: Sendable, Hashable, Codable {
    public var events: [Event]
    /// The offset of the next page. `nil` if there are no more events now. Not part of the specification.
    public var nextOffset: Int?

    /// A page of events, and where the next one begins.
    public init(events: [Event], nextOffset: Int? = nil) {
        self.events = events
        self.nextOffset = nextOffset
    }

    private enum CodingKeys: String, CodingKey {
        case events
        case nextOffset = "next_offset"
    }
}

/// The answer of `GET /runs`, an addition of this server.
public struct RunsListResponse: Sendable, Hashable, Codable {
    /// One page of runs, newest first.
    public var runs: [Run]
    /// How many there are on all pages.
    public var total: Int
    /// The offset of the next page. `nil` if there is none, or if the server does not tell.
    public var nextOffset: Int?

    /// A page of runs, how many there are in all, and where the next page begins.
    public init(runs: [Run], total: Int, nextOffset: Int? = nil) {
        self.runs = runs
        self.total = total
        self.nextOffset = nextOffset
    }

    private enum CodingKeys: String, CodingKey {
        case runs
        case total
        case nextOffset = "next_offset"
    }
}

/// A session as servers describe it to clients and to each other: where its messages and its state can be read.
public struct SessionDescriptor: Sendable, Hashable {
    public var id: SessionID
    /// One URL per message, oldest first. Each answers with a message as JSON.
    public var history: [String]
    /// Where the state can be read. Nil if there is none.
    public var state: String?

    public init(id: SessionID = SessionID(), history: [String] = [], state: String? = nil) {
        self.id = id
        self.history = history
        self.state = state
    }
}

extension SessionDescriptor: Codable {
    private enum CodingKeys: String, CodingKey {
        case id
        case history
        case state
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(SessionID.self, forKey: .id)
        history = try container.decode(.history, default: [])
        state = try container.decodeIfPresent(String.self, forKey: .state)
    }
}
