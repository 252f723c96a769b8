// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// A handler that runs again from its start, until it has reached the point that the run had reached before.
///
/// All its output is compared with the log and not sent again; its questions get the answers that they got before. A
/// value without I/O and clock: timestamps are not compared, since they differ each time.
struct Replay {
    /// The part of an event that the repetition has to match.
    struct Trace: Hashable {
        let kind: Event.Kind
        /// A hash of the content, equal for equal contents within one process.
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

    /// The result of asking a question.
    enum Answer {
        case known(AwaitResume)
        /// The log ends with this question. It may have been answered since.
        case pending(AwaitResume?)
    }

    /// The run as the handler produces it this time.
    private var shadow: RunComposer
    private let traces: [Trace]
    /// The answers, by the number of events when the run began to await them.
    private let answers: [Int: AwaitResume]
    /// The number of events that the handler has repeated.
    private(set) var position: Int
    /// Why the handler cannot be replayed. It is not reset.
    private(set) var failure: ACPError?

    /// Creates a replay.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - traces: The events of the log: the run's creation and its start, followed by what the handler did.
    ///   - answers: The run's answers, by the number of events when it began to await them.
    init(of run: Run, traces: [Trace], answers: [Int: AwaitResume]) throws(ACPError) {
        var blank = Run(id: run.id, agentName: run.agentName, sessionID: run.sessionID, createdAt: run.createdAt)
        blank.status = .inProgress
        shadow = RunComposer(blank)
        self.traces = traces
        self.answers = answers
        position = 2
        guard traces.count >= 2, traces[0].kind == .runCreated, traces[1].kind == .runInProgress else {
            throw ACPError(.serverError, "the events of run \(run.id) do not start with its creation and its start")
        }
    }

    /// Whether the handler has reached the point that the run had reached before.
    var isOver: Bool { position == traces.count && failure == nil }

    mutating func emit(_ compose: (inout RunComposer) throws -> [EncodedEvent]) throws {
        if let failure { throw failure }
        try match(try compose(&shadow))
    }

    mutating func ask(_ request: AwaitRequest) throws -> Answer {
        try emit { shadow in
            let completion = try shadow.completeMessage(now: .now)
            return (completion.map { [$0] } ?? []) + [try shadow.beginAwaiting(request, deadline: nil, now: .now).event]
        }
        guard position < traces.count else { return .pending(answers[position]) }
        guard traces[position].kind == .runInProgress, let answer = answers[position] else {
            throw diverge("event \(position - 1) was a question without an answer, and cannot be awaited again")
        }
        position += 1
        _ = try shadow.resume(with: nil, now: .now)
        return .known(answer)
    }

    /// The handler has ended. That completes the message that it left open.
    mutating func end() {
        do {
            try emit { shadow in try shadow.completeMessage(now: .now).map { [$0] } ?? [] }
        } catch {
            return
        }
        if position < traces.count {
            _ = diverge("it ended after event \(position - 1), which \(traces[position].kind.rawValue) had followed")
        }
    }

    private mutating func match(_ events: [EncodedEvent]) throws(ACPError) {
        for event in events {
            guard position < traces.count else {
                throw diverge("it continued after event \(position - 1) with \(event.kind.rawValue) in the same step")
            }
            let (now, then) = (try Trace(event), traces[position])
            guard now.kind == then.kind else {
                throw diverge("event \(position) was \(then.kind.rawValue), and now is \(now.kind.rawValue)")
            }
            guard now == then else {
                throw diverge("event \(position), \(then.kind.rawValue), has a different content")
            }
            position += 1
        }
    }

    private mutating func diverge(_ reason: String) -> ACPError {
        let error = ACPError(
            .serverError,
            """
            the run could not continue: agent \(shadow.run.agentName) was run again from its start \
            and did not do the same as before (\(reason)). An agent that asks questions, or is to be replayed, must send \
            the same output and ask the same questions each time for the same input and answers: leave out anything \
            random or time-dependent, and send results of other services only after the last question
            """)
        failure = error
        return error
    }
}

extension Message {
    fileprivate func combine(into hasher: inout Hasher) {
        hasher.combine(role)
        hasher.combine(parts)
        hasher.combine(extra)
    }
}

extension Replay {
    /// The largest number of events that are read at once, and approximately of their bytes.
    private static let pageSize = 256
    private static let pageBytes = 1_048_576

    /// Returns the traces of a run's stored events.
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

    /// Returns the answers among signals, by the number of events when the run began to await them.
    static func answers(in signals: [RunSignal]) -> [Int: AwaitResume] {
        var answers: [Int: AwaitResume] = [:]
        for case .resume(let answer, let eventCount) in signals { answers[eventCount] = answer }
        return answers
    }
}
