// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

extension A2A.TaskID {
    /// Creates the id of a run's task.
    init(_ run: RunID) { self.init(rawValue: run.rawValue) }
}

extension A2A.ContextID {
    /// Creates the id of a session's context.
    init(_ session: SessionID) { self.init(rawValue: session.rawValue) }
}

extension A2A.TaskState {
    /// Creates the state of the task of a run.
    init(_ status: DetailedRunStatus) {
        self =
            switch status {
            case .created: .submitted
            case .inProgress, .cancelling: .working
            case .awaiting: .inputRequired
            case .awaitingAuthentication: .authRequired
            case .completed: .completed
            case .failed: .failed
            case .rejected: .rejected
            case .cancelled: .canceled
            }
    }

    /// The statuses of the runs whose tasks are in this state.
    var runStatuses: Set<DetailedRunStatus> {
        Set(DetailedRunStatus.allCases.filter { A2A.TaskState($0) == self })
    }
}

extension A2A.TaskStatus {
    /// Creates the status of the task of a run. Its message is what the agent asks, why the run has failed, or what the
    /// agent has finished with.
    init(_ run: Run) {
        self.init(state: A2A.TaskState(run.detailedStatus), message: nil, timestamp: run.statusTimestamp)
        let task = A2A.TaskID(run.id)
        let context = run.sessionID.map { A2A.ContextID($0) }
        switch run.status {
        case .awaiting:
            guard let request = run.awaitRequest else { break }
            // The same id that the question has in the history, once it is answered.
            let id = A2A.Message.exchangeID(of: run, run.exchange.count)
            switch request {
            case .message(let question):
                message = A2A.Message(question, id: id, task: task, context: context, role: .agent)
            case .other(let members):
                message = A2A.Message(
                    id: id, contextID: context, taskID: task, role: .agent, parts: [.data(.object(members))])
            }
        case .failed:
            message = A2A.Message(
                id: A2A.MessageID(rawValue: "\(run.id)-error"), contextID: context, taskID: task, role: .agent,
                parts: [.text(run.error?.message ?? "")])
        case .completed:
            message = run.lastStatusMessage.map { index, message in
                A2A.Message(
                    message, id: .output(of: run.id, index), task: task, context: context, role: .agent)
            }
        case .created, .inProgress, .cancelling, .cancelled: break
        }
    }
}

extension Run {
    /// The message that the agent has finished with, and its place in the output.
    fileprivate var lastStatusMessage: (index: Int, message: ACPCore.Message)? {
        output.lastIndex { $0.use != nil }.map { ($0, output[$0]) }
    }

    /// The message that the agent has sent in place of a task, if it has sent nothing else.
    var reply: A2A.Message? {
        guard status == .completed, exchange.isEmpty, output.count == 1, let message = output.first,
            message.use == .reply
        else { return nil }
        return A2A.Message(
            message, id: .output(of: id, 0), task: nil, context: sessionID.map { A2A.ContextID($0) }, role: .agent)
    }
}

extension A2A.MessageID {
    fileprivate static func output(of run: RunID, _ index: Int) -> Self { Self(rawValue: "\(run)-output-\(index)") }
}

extension A2A.Message {
    /// Returns the id of a question or an answer, which follows from its place among both.
    fileprivate static func exchangeID(of run: Run, _ index: Int) -> A2A.MessageID {
        A2A.MessageID(rawValue: "\(run.id)-\(index.isMultiple(of: 2) ? "question" : "answer")-\(index / 2)")
    }

    /// Returns a task's history, oldest first.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - input: The run's input. It is not needed if ``needsInput(_:length:)`` returns `false`.
    ///   - length: The greatest number of messages, the newest ones. If `nil`, there is no limit.
    static func history(of run: Run, input: [ACPCore.Message], length: Int?) -> [A2A.Message] {
        let task = A2A.TaskID(run.id)
        let context = run.sessionID.map { A2A.ContextID($0) }
        let wanted = length ?? .max
        let exchange = run.exchange.indices.suffix(wanted).map { index in
            // Questions may be given in messages of any role.
            A2A.Message(
                run.exchange[index], id: exchangeID(of: run, index), task: task, context: context,
                role: index.isMultiple(of: 2) ? .agent : nil)
        }
        let earlier = input.indices.suffix(wanted - exchange.count).map { index in
            A2A.Message(
                input[index], id: A2A.MessageID(rawValue: "\(run.id)-input-\(index)"), task: task, context: context)
        }
        return earlier + exchange
    }

    /// Returns whether a task's history contains messages of the run's input.
    static func needsInput(_ run: Run, length: Int?) -> Bool { (length ?? .max) > run.exchange.count }
}

extension A2A.Task {
    /// Creates the task of a run.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - input: The run's input. See ``A2A/Message/history(of:input:length:)``.
    ///   - historyLength: The greatest number of messages in the history. If `nil`, there is no limit.
    ///   - includesArtifacts: Whether the task has its artifacts. Defaults to `true`.
    init(_ run: Run, input: [ACPCore.Message], historyLength: Int?, includesArtifacts: Bool = true) {
        self.init(
            id: A2A.TaskID(run.id),
            contextID: run.sessionID.map { A2A.ContextID($0) },
            status: A2A.TaskStatus(run),
            artifacts: includesArtifacts ? A2A.Artifact.artifacts(of: run.output) : [],
            history: A2A.Message.history(of: run, input: input, length: historyLength))
    }
}
