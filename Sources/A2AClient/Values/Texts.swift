// SPDX-License-Identifier: Apache-2.0

import A2ACore

extension A2A.Message {
    /// Creates a message of the user with a text.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - contextID: The conversation that the message belongs to. If `nil`, the server chooses one.
    ///   - taskID: The task that the message continues. If `nil`, it continues none.
    public init(_ text: String, contextID: A2A.ContextID? = nil, taskID: A2A.TaskID? = nil) {
        self.init(contextID: contextID, taskID: taskID, role: .user, parts: [.text(text)])
    }
}

extension A2A.Artifact {
    /// The text of all parts that are text, joined.
    public var text: String { parts.lazy.compactMap(\.text).joined() }
}

extension A2A.Task {
    /// The texts of the artifacts, each on a line of its own.
    public var text: String { artifacts.lazy.map(\.text).filter { !$0.isEmpty }.joined(separator: "\n") }
}

extension A2A.SendMessageResponse {
    /// The task. If `nil`, the agent has responded with a message.
    public var task: A2A.Task? { if case .task(let task) = self { task } else { nil } }

    /// The message. If `nil`, the agent has responded with a task.
    public var message: A2A.Message? { if case .message(let message) = self { message } else { nil } }

    /// The text of the message, or of the artifacts of the task.
    public var text: String {
        switch self {
        case .task(let task): task.text
        case .message(let message): message.text
        }
    }
}
