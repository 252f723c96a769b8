// SPDX-License-Identifier: Apache-2.0

import A2AClient
import ACPCore
import ArgumentParser

/// Shows the output of a task of an A2A agent, prompts the user for what it requires, and reports how it ended.
struct TaskPresenter {
    let client: A2AClient
    /// The URL of the agent, for commands that are suggested to the user.
    let url: String
    let asJSON: Bool
    /// Whether the user can answer questions.
    var canAsk = Console.isInteractive
    /// One writer for all streams of the task, since output that is sent again after a question is not shown again.
    private var writer: TaskWriter

    init(client: A2AClient, url: String, asJSON: Bool) {
        self.client = client
        self.url = url
        self.asJSON = asJSON
        writer = TaskWriter(asJSON: asJSON)
    }

    /// Sends a message, and shows the output until the task ends, or until a question that the user cannot answer.
    ///
    /// - Parameter isStreamed: Whether output is shown as it is produced.
    /// - Throws: An exit code if the task has not completed.
    mutating func send(_ message: A2A.Message, key: String?, isStreamed: Bool) async throws {
        var message = message
        var key = key
        while true {
            if isStreamed {
                for try await element in try await client.streamMessage(message, idempotencyKey: key) {
                    try writer.write(element)
                }
            } else {
                let response = try await client.sendMessage(message, idempotencyKey: key)
                if asJSON { try Console.print(document: response) }
                try writer.show(response)
            }
            guard let task = writer.task else { return }
            guard let answer = try answer(to: task) else { return try conclude(task) }
            message = A2A.Message(answer, contextID: task.contextID, taskID: task.id)
            key = nil
        }
    }

    private func answer(to task: A2A.Task) throws -> String? {
        guard task.status.state == .inputRequired, canAsk, !asJSON else { return nil }
        if let question = task.status.message?.shown, !question.isEmpty { try Console.print(Style.yellow(question)) }
        try Console.write("> ")
        return readLine()
    }

    private func conclude(_ task: A2A.Task) throws {
        let text = task.status.message?.shown ?? ""
        switch task.status.state {
        case .inputRequired, .authRequired:
            if !asJSON {
                if !canAsk || task.status.state == .authRequired, !text.isEmpty { try Console.print(text) }
                let needs = task.status.state == .authRequired ? "requires authentication" : "requires input"
                Console.note("The task \(needs): acp run --a2a \(url) --task \(task.id.rawValue.printable) TEXT")
            }
            throw ExitStatus.awaiting.code
        case .failed, .rejected, .canceled:
            let end =
                switch task.status.state {
                case .failed: "failed"
                case .rejected: "was rejected"
                default: "was cancelled"
                }
            let reason = text.isEmpty ? "" : ": \(text)"
            Console.error("task \(task.id.rawValue.printable) \(end)\(reason)")
            throw ExitStatus.unsuccessful.code
        default:
            return
        }
    }
}

/// Writes the elements of a task's stream for users: text as it arrives, everything else on separate lines.
struct TaskWriter {
    let asJSON: Bool
    /// The task as it was shown.
    private(set) var task: A2A.Task?
    private var isInLine = false
    private var artifact: A2A.ArtifactID?

    init(asJSON: Bool) { self.asJSON = asJSON }

    /// Shows a response that is complete.
    mutating func show(_ response: A2A.SendMessageResponse) throws {
        switch response {
        case .task(let task): try show(task)
        case .message(let message): if !asJSON { try Console.print(message.shown) }
        }
    }

    mutating func write(_ element: A2A.StreamResponse) throws {
        if asJSON { try Console.print(json: element) }
        switch element {
        case .task(let current): try show(current)
        case .message(let message): if !asJSON { try Console.print(message.shown) }
        case .statusUpdate(let update):
            ensureTask(update.taskID, update.contextID)
            task?.apply(element)
            try show(update.status)
        case .artifactUpdate(let update):
            ensureTask(update.taskID, update.contextID)
            task?.apply(element)
            try show(update)
        case .unknown: break
        }
    }

    private mutating func ensureTask(_ id: A2A.TaskID, _ contextID: A2A.ContextID) {
        guard task?.id != id else { return }
        task = A2A.Task(id: id, contextID: contextID, status: .init(state: .unspecified, timestamp: nil))
    }

    /// Shows what is new in a task.
    private mutating func show(_ current: A2A.Task) throws {
        ensureTask(current.id, current.contextID ?? "")
        let updates = task?.updates(to: current) ?? []
        task = current
        for update in updates {
            switch update {
            case .artifactUpdate(let update): try show(update)
            case .statusUpdate(let update): try show(update.status)
            default: break
            }
        }
    }

    private mutating func show(_ status: A2A.TaskStatus) throws {
        guard !asJSON else { return }
        let isSettled = status.state.isTerminal || status.state.isInterrupted
        if isSettled { try endLine() }
        guard let text = status.message?.shown, !text.isEmpty else { return }
        switch status.state {
        case .completed: try Console.print(text)
        case .submitted, .working, .unspecified:
            try endLine()
            try Console.print(Style.dim(text))
        default: break
        }
    }

    private mutating func show(_ update: A2A.TaskArtifactUpdateEvent) throws {
        guard !asJSON else { return }
        if update.artifact.id != artifact || !update.isAppended { try endLine() }
        artifact = update.artifact.id
        for part in update.artifact.parts {
            if part.text != nil, part.filename == nil {
                let shown = part.shown
                try Console.write(shown)
                if !shown.isEmpty { isInLine = !shown.hasSuffix("\n") }
            } else {
                try endLine()
                try Console.print(Style.dim(part.shown))
            }
        }
        if update.isLastChunk { try endLine() }
    }

    private mutating func endLine() throws {
        if isInLine { try Console.print() }
        isInLine = false
    }
}

extension A2A.Part {
    /// The text of the part, or a description if it is not text.
    var shown: String {
        let label = filename.map { "file \($0)" } ?? "part"
        let type = mediaType.map { ", \($0)" } ?? ""
        return switch content {
        case .text(let text): text.printable
        case .raw(let bytes): "[\(label)\(type), \(bytes.count) bytes]".printable
        case .url(let url): "[\(label)\(type), at \(url)]".printable
        case .data(let value):
            ((try? String(decoding: ACPJSON.encode(value), as: UTF8.self)) ?? "[data]").printable
        case nil: "[\(label)\(type)]".printable
        }
    }
}

extension A2A.Message {
    /// All parts. Each part that is not text is on a separate line.
    var shown: String {
        var lines: [String] = []
        var isText = false
        for part in parts {
            if part.text != nil, isText, let last = lines.popLast() {
                lines.append(last + part.shown)
            } else {
                lines.append(part.shown)
            }
            isText = part.text != nil
        }
        return lines.joined(separator: "\n")
    }
}
