// SPDX-License-Identifier: Apache-2.0

import A2ACore

/// What a reader of a task's stream has delivered, over any number of connections. It does no I/O.
///
/// Servers of this package number their events, so that a connection continues after the last one. Other servers begin
/// each connection with the current state of the task: its differences from what was delivered are delivered as
/// updates.
struct StreamProgress: Sendable {
    /// The state of a task at which its stream ends.
    enum Milestone: Sendable {
        /// The task has ended, or requires something of its client.
        case settled
        /// The task has ended.
        case terminal
    }

    /// The task. `nil` until it is known.
    private(set) var taskID: A2A.TaskID?
    /// The id of the last event. `nil` if there is none.
    private(set) var lastEventID: String?
    /// Whether the stream is over, so that its connection is not needed any more.
    private(set) var isFinished = false
    /// Whether anything was delivered.
    private(set) var hasDelivered = false
    private let milestone: Milestone
    /// The task as it was delivered.
    private var task: A2A.Task?
    private var isResumed = false
    private var isNumbered = false
    /// The number of the last event before the current connection.
    private var lastNumberBefore: Int?

    init(taskID: A2A.TaskID?, lastEventID: String? = nil, milestone: Milestone) {
        self.taskID = taskID
        self.lastEventID = lastEventID
        self.milestone = milestone
    }

    /// Handles a new connection to the task.
    mutating func reconnected() {
        isResumed = task != nil
        lastNumberBefore = lastEventID.flatMap { Int($0) }
    }

    /// Handles an element of the current connection.
    ///
    /// - Returns: The elements to deliver, in order.
    mutating func receive(_ element: A2A.StreamResponse, id: String?) -> [A2A.StreamResponse] {
        if let id {
            if let number = Int(id), let lastNumberBefore, number <= lastNumberBefore { return [] }
            lastEventID = id
            isNumbered = true
        }
        switch element {
        case .unknown:
            return []
        case .message:
            hasDelivered = true
            // A message without a task is the whole response.
            isFinished = task == nil
            return [element]
        case .task(let current):
            taskID = current.id
            if isResumed { return deliver(updatesTo: current) }
            task = current
            isFinished = current.status.state.isTerminal
        case .statusUpdate(let update):
            learn(update.taskID, update.contextID)
            // A server that does not number its events may repeat those before the state that it has sent first.
            if isResumed, id == nil, task?.status == update.status { return [] }
            task?.apply(element)
            finish(at: update.status.state)
        case .artifactUpdate(let update):
            learn(update.taskID, update.contextID)
            task?.apply(element)
        }
        hasDelivered = true
        return [element]
    }

    /// Handles the current state of the task, which was fetched because it cannot be streamed.
    ///
    /// - Returns: The elements to deliver, in order.
    mutating func receive(fetched current: A2A.Task) -> [A2A.StreamResponse] {
        guard task != nil else {
            task = current
            hasDelivered = true
            finish(at: current.status.state)
            return [.task(current)]
        }
        return deliver(updatesTo: current)
    }

    /// Whether the server has ended the current connection too early, so that the stream must be continued.
    var isCut: Bool {
        guard !isFinished else { return false }
        guard let state = task?.status.state, state.isInterrupted else { return true }
        // Servers disagree whether a subscription ends when the task requires input. Servers of this package, which
        // number their events, end it with the task.
        return milestone == .terminal && isNumbered
    }

    private mutating func deliver(updatesTo current: A2A.Task) -> [A2A.StreamResponse] {
        let updates = task?.updates(to: current) ?? []
        for update in updates { task?.apply(update) }
        hasDelivered = hasDelivered || !updates.isEmpty
        finish(at: current.status.state)
        return updates
    }

    private mutating func finish(at state: A2A.TaskState) {
        // A task that requires authentication may continue without a message.
        isFinished = state.isTerminal || (milestone == .settled && state == .inputRequired)
    }

    private mutating func learn(_ taskID: A2A.TaskID, _ contextID: A2A.ContextID) {
        guard task == nil else { return }
        if !taskID.rawValue.isEmpty { self.taskID = taskID }
        task = A2A.Task(
            id: taskID, contextID: contextID.rawValue.isEmpty ? nil : contextID,
            status: A2A.TaskStatus(state: .unspecified, timestamp: nil))
    }
}
