// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// A handler that runs again from its start, as far as it got the first time.
///
/// Everything that it says is compared with what the log has, and not said again; what it asks is answered as it was
/// answered then. A value without I/O and clocks: times are not compared, since they differ each time.
struct Replay {
    /// An event, as far as the second time has to agree with the first.
    struct Trace: Hashable {
        let kind: Event.Kind
        /// A digest of the content: equal for equal contents, within one process.
        let content: Int

        init(_ event: EncodedEvent) throws(ACPError) {
            kind = event.kind
            var hasher = Hasher()
            switch try event.decode() {
            case .messageCreated(let message), .messageCompleted(let message): message.combine(into: &hasher)
            case .messagePart(let part): hasher.combine(part)
            case .generic(let value): hasher.combine(value)
            case .runAwaiting(let run):
                switch run.awaitRequest {
                case .message(let message): message.combine(into: &hasher)
                case .other(let members): hasher.combine(members)
                case nil: break
                }
            case .runCreated, .runInProgress, .runCompleted, .runCancelled, .runFailed, .error, .unknown: break
            }
            content = hasher.finalize()
        }
    }

    /// What comes of a question.
    enum Answer {
        case known(AwaitResume)
        /// The log ends with this question. Its answer may have come since.
        case pending(AwaitResume?)
    }

    /// What the handler says this time.
    private var shadow: RunComposer
    private let traces: [Trace]
    /// The answers, by the number of events there were when the run began to await them.
    private let answers: [Int: AwaitResume]
    /// How many events the handler has repeated.
    private(set) var position: Int
    /// Why the handler cannot be replayed. It stays.
    private(set) var failure: ACPError?

    /// - Parameters:
    ///   - run: The run.
    ///   - traces: What the log has of it: the run's creation and its beginning, and then what the handler did.
    ///   - answers: The answers that it got, by the number of events there were when it began to await them.
    init(of run: Run, traces: [Trace], answers: [Int: AwaitResume]) throws(ACPError) {
        var blank = Run(id: run.id, agentName: run.agentName, sessionID: run.sessionID, createdAt: run.createdAt)
        blank.status = .inProgress
        shadow = RunComposer(blank)
        self.traces = traces
        self.answers = answers
        position = 2
        guard traces.count >= 2, traces[0].kind == .runCreated, traces[1].kind == .runInProgress else {
            throw ACPError(.serverError, "the events of run \(run.id) do not begin as those of a run do")
        }
    }

    /// Whether the handler has got as far as it did the first time.
    var isOver: Bool { position == traces.count && failure == nil }

    mutating func say(_ compose: (inout RunComposer) throws -> [EncodedEvent]) throws {
        if let failure { throw failure }
        try match(try compose(&shadow))
    }

    mutating func ask(_ request: AwaitRequest) throws -> Answer {
        try say { shadow in
            let completion = try shadow.completeMessage(now: .now)
            return (completion.map { [$0] } ?? []) + [try shadow.beginAwaiting(request, deadline: nil).event]
        }
        guard position < traces.count else { return .pending(answers[position]) }
        guard traces[position].kind == .runInProgress, let answer = answers[position] else {
            throw diverge("event \(position - 1) was a question that got no answer, and cannot be waited for again")
        }
        position += 1
        _ = try shadow.resume()
        return .known(answer)
    }

    /// The handler has ended. That completes the message that it left open.
    mutating func end() {
        do {
            try say { shadow in try shadow.completeMessage(now: .now).map { [$0] } ?? [] }
        } catch {
            return
        }
        if position < traces.count {
            _ = diverge("it ended after event \(position - 1), where \(traces[position].kind.rawValue) had followed")
        }
    }

    private mutating func match(_ events: [EncodedEvent]) throws(ACPError) {
        for event in events {
            guard position < traces.count else {
                throw diverge("it went on after event \(position - 1) with \(event.kind.rawValue) in the same step")
            }
            let (now, then) = (try Trace(event), traces[position])
            guard now.kind == then.kind else {
                throw diverge("event \(position) was \(then.kind.rawValue), and now it is \(now.kind.rawValue)")
            }
            guard now == then else {
                throw diverge("event \(position), \(then.kind.rawValue), has another content than before")
            }
            position += 1
        }
    }

    private mutating func diverge(_ reason: String) -> ACPError {
        let error = ACPError(
            .serverError,
            """
            the run could not go on in another process: agent \(shadow.run.agentName) was run again from its start and did not \
            do the same as before (\(reason)). An agent that asks questions, or is to be replayed, has to say and ask the \
            same each time for the same input and answers: keep out of it what is random or depends on the time, and say \
            what comes from elsewhere only after the last question
            """)
        failure = error
        return error
    }
}

extension Message {
    fileprivate func combine(into hasher: inout Hasher) {
        hasher.combine(role)
        hasher.combine(parts)
    }
}

extension Replay {
    /// How many events are read at once, and about how many bytes of them.
    private static let pageSize = 256
    private static let pageBytes = 1_048_576

    /// What the log has of a run.
    static func traces(of run: RunID, count: Int, in storage: any Storage) async throws -> [Trace] {
        var traces: [Trace] = []
        traces.reserveCapacity(count)
        var size = ChunkSize(first: 32, limit: pageSize)
        while traces.count < count {
            let limit = min(size.count, count - traces.count)
            let events = try await storage.events(of: run, from: traces.count, limit: limit, bytes: pageBytes)
            size.note(
                items: events.count, bytes: events.reduce(0) { $0 + $1.json.count }, wanted: pageBytes)
            if events.isEmpty { break }
            for event in events { traces.append(try Trace(event)) }
        }
        return traces
    }

    /// The answers among signals, by the number of events there were when the run began to await them.
    static func answers(in signals: [RunSignal]) -> [Int: AwaitResume] {
        var answers: [Int: AwaitResume] = [:]
        for case .resume(let answer, let eventCount) in signals { answers[eventCount] = answer }
        return answers
    }
}
