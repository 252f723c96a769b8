// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A {
    /// The states of a task.
    public enum TaskState: String, Sendable, Hashable, CaseIterable {
        /// The state is not known. No task that is sent has this state.
        case unspecified = "TASK_STATE_UNSPECIFIED"
        /// The server has accepted the task.
        case submitted = "TASK_STATE_SUBMITTED"
        /// The agent works on the task.
        case working = "TASK_STATE_WORKING"
        /// The agent has finished the task.
        case completed = "TASK_STATE_COMPLETED"
        /// The task has ended with an error.
        case failed = "TASK_STATE_FAILED"
        /// The task was canceled.
        case canceled = "TASK_STATE_CANCELED"
        /// The agent waits for a message of its client.
        case inputRequired = "TASK_STATE_INPUT_REQUIRED"
        /// The agent has refused the task.
        case rejected = "TASK_STATE_REJECTED"
        /// The agent waits until its client has authenticated.
        case authRequired = "TASK_STATE_AUTH_REQUIRED"

        /// Whether a task in this state never changes again.
        public var isTerminal: Bool {
            switch self {
            case .completed, .failed, .canceled, .rejected: true
            case .unspecified, .submitted, .working, .inputRequired, .authRequired: false
            }
        }

        /// Whether the agent waits for its client.
        public var isInterrupted: Bool { self == .inputRequired || self == .authRequired }
    }
}

extension A2A.TaskState: Codable, ProtoEnum {
    package static let kind = "state of a task"
}
