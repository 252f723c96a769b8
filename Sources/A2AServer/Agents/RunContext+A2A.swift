// SPDX-License-Identifier: Apache-2.0

public import A2ACore
public import ACPCore
public import ACPRuntime

extension ACPCore.Message {
    /// The message as the client has sent it over A2A. If `nil`, it was sent over ACP.
    ///
    /// ```swift
    /// let answer = try await context.awaitMessage("Which account?")
    /// let account = answer.a2aMessage?.metadata?["account"]
    /// ```
    ///
    /// Its `contextID` and `taskID` are `nil`: they are those of the run.
    public var a2aMessage: A2A.Message? {
        guard let id = extra.a2a?.text(A2AMember.messageID) else { return nil }
        return A2A.Message(self, id: A2A.MessageID(rawValue: id), task: nil, context: nil)
    }

    /// The metadata of the request that the message was sent with over A2A. If `nil`, there are none.
    public var a2aRequestMetadata: JSONObject? { extra.a2a?.object(A2AMember.requestMetadata) }

    /// The URIs of the extensions that were active when the message was sent over A2A.
    public var a2aExtensions: [String] { extra.a2a?.texts(A2AMember.activeExtensions) ?? [] }
}

/// What agents can do beyond ACP when they are called over A2A. Everything is stored with the run, and also makes sense
/// to callers over ACP.
extension RunContext {
    /// The message with which a client has begun the task over A2A. If `nil`, the run was created over ACP.
    ///
    /// ```swift
    /// try server.addAgent("planner") { context in
    ///     let depth = context.a2aMessage?.metadata?["depth"]?.intValue ?? 1
    ///     return plan(context.input, depth: depth)
    /// }
    /// ```
    ///
    /// The extensions that are active, and the metadata of the request, are the properties `a2aExtensions` and
    /// `a2aRequestMetadata` of the message in `input`.
    public var a2aMessage: A2A.Message? {
        guard var message = input.last?.a2aMessage else { return nil }
        message.taskID = A2A.TaskID(runID)
        message.contextID = A2A.ContextID(session.id)
        return message
    }

    // MARK: Artifacts

    /// Sends an artifact, or a chunk of one.
    ///
    /// ```swift
    /// try await context.yield(A2A.Artifact(id: "report", name: "Report", parts: [.text("# Sales")]), lastChunk: false)
    /// for try await line in lines {
    ///     try await context.yield(A2A.Artifact(id: "report", parts: [.text(line)]), append: true, lastChunk: false)
    /// }
    /// try await context.yield(A2A.Artifact(id: "report", parts: [.text("The end")]), append: true)
    /// ```
    ///
    /// Callers over ACP get the parts in the open message. A part without a file name has the name of the artifact.
    ///
    /// - Parameters:
    ///   - artifact: The artifact, or its next parts. Choose its id: a handler that is run again must send the same one
    ///     as before, and the default id is random. If the id is empty, it follows from the artifact's place in the
    ///     output; then only the artifact that was begun last can be appended to.
    ///   - append: Whether the parts are added to the artifact with this id, which must have been sent before. If
    ///     `false`, which is the default, the artifact is new, or replaces the one with this id.
    ///   - lastChunk: Whether the artifact is complete with these parts. Defaults to `true`.
    /// - Throws: `CancellationError` if the run has ended; `ACPError` with code `invalid_input` if the artifact has no
    ///   parts, or one of them is invalid.
    public func yield(_ artifact: A2A.Artifact, append: Bool = false, lastChunk: Bool = true) async throws {
        guard !artifact.parts.isEmpty else {
            throw ACPError(.invalidInput, "artifact \(artifact.id) has no parts: at least one is required")
        }
        for part in try artifact.messageParts(append: append, lastChunk: lastChunk) { try await yield(part) }
    }

    // MARK: Messages

    /// Sends the message that the task ends with: it becomes the message of the status `TASK_STATE_COMPLETED`, and is no
    /// artifact.
    ///
    /// ```swift
    /// try await context.finish(with: A2A.Message(role: .agent, parts: [.text("The report is ready.")]))
    /// ```
    ///
    /// The handler should return afterwards. If it sends several such messages, the last one is used. Callers over ACP
    /// get the message as part of the output.
    ///
    /// - Parameter message: The message. Its id is not kept, so that a handler that is run again sends the same message:
    ///   clients get one that follows from the message's place in the output.
    /// - Throws: `CancellationError` if the run has ended; `ACPError` with code `invalid_input` if a part is invalid.
    public func finish(with message: A2A.Message) async throws { try await yield(message, use: .status) }

    /// Sends a message in place of a task.
    ///
    /// ```swift
    /// try server.addAgent("oracle") { context in
    ///     try await context.reply(with: A2A.Message(role: .agent, parts: [.text("42")]))
    /// }
    /// ```
    ///
    /// A client that waits for the result of `SendMessage` gets the message alone, if the handler sends nothing else and
    /// asks nothing. There is a task nevertheless: in streams and lists, and for clients that do not wait, the message is
    /// that of the task's status, as with ``finish(with:)``.
    ///
    /// - Parameter message: The message. Its id is not kept, as with ``finish(with:)``.
    /// - Throws: `CancellationError` if the run has ended; `ACPError` with code `invalid_input` if a part is invalid.
    public func reply(with message: A2A.Message) async throws { try await yield(message, use: .reply) }

    private func yield(_ message: A2A.Message, use: MessageUse) async throws {
        var output = try ACPCore.Message(message.withoutID)
        var own = output.extra.a2a ?? [:]
        own.set(A2AMember.use, use.rawValue)
        output.extra.a2a = own
        try await yield(output)
    }

    /// Sends a message about the work in progress to those who follow the task: a status `TASK_STATE_WORKING`.
    ///
    /// ```swift
    /// try await context.update(A2A.Message(role: .agent, parts: [.text("Half of the pages are read.")]))
    /// ```
    ///
    /// It is not part of the task afterwards. Callers over ACP get a generic event.
    ///
    /// - Parameters:
    ///   - message: The message. Its id is not kept, as with ``finish(with:)``.
    ///   - metadata: Further data, which is the metadata of the element in the stream. Defaults to none.
    /// - Throws: `CancellationError` if the run has ended; `ACPError` with code `invalid_input` if a part is invalid.
    public func update(_ message: A2A.Message, metadata: JSONObject = [:]) async throws {
        // Without timestamps: a handler that is run again must send the same.
        var content = try ACPCore.Message(message.withoutID)
        (content.createdAt, content.completedAt) = (nil, nil)
        try content.validate()
        var members = metadata
        members.a2a = [A2AMember.message: try JSONValue(encoding: content)]
        try await yield(generic: JSONValue.object(members))
    }

    /// Asks the client a question, and waits for the answer.
    ///
    /// - Parameters:
    ///   - question: The question. Its id is not kept, as with ``finish(with:)``.
    ///   - timeout: The time after which the run fails with code `timed_out` if there is no answer. Defaults to the
    ///     agent's `awaitTimeout`.
    /// - Returns: The answer. If it was sent over ACP, its id is empty.
    /// - Throws: `CancellationError` if the run is cancelled in the meantime; `ACPError` with code `invalid_input` if the
    ///   answer is not a message.
    public func awaitMessage(_ question: A2A.Message, timeout: Duration? = nil) async throws -> A2A.Message {
        var content = try ACPCore.Message(question.withoutID)
        content.role = .agent(agentName)
        let answer: ACPCore.Message = try await awaitMessage(content, timeout: timeout)
        return A2A.Message(answer, id: "", task: A2A.TaskID(runID), context: A2A.ContextID(session.id))
    }
}

extension A2A.Message {
    fileprivate var withoutID: A2A.Message {
        var message = self
        message.id = ""
        return message
    }
}

extension A2A.Artifact {
    /// Returns the parts of a message that keep the artifact, or a chunk of it.
    func messageParts(append: Bool, lastChunk: Bool) throws(ACPError) -> [MessagePart] {
        var messageParts: [MessagePart] = []
        for (index, part) in parts.enumerated() {
            var marker = ArtifactMarker(id: id.rawValue.isEmpty ? nil : id)
            if index == 0 {
                marker.name = name
                marker.description = description
                marker.metadata = metadata
                marker.extensions = extensions
            }
            marker.isAppended = append || index > 0
            marker.isLastChunk = lastChunk && index == parts.count - 1
            marker.hasFilename = part.filename != nil
            var messagePart = try MessagePart(part)
            messagePart.name = part.filename ?? name
            var own = messagePart.extra.a2a ?? [:]
            own.set(A2AMember.artifact, marker.object)
            messagePart.extra.a2a = own
            messageParts.append(messagePart)
        }
        return messageParts
    }
}

extension A2A.Artifact: AgentOutput {
    /// Sends the artifact as a whole. See `RunContext.yield(_:append:lastChunk:)`.
    public func yield(to context: RunContext) async throws { try await context.yield(self, append: false) }
}

extension A2A.Message: AgentOutput {
    /// Sends the message in place of a task. See `RunContext.reply(with:)`.
    public func yield(to context: RunContext) async throws { try await context.reply(with: self) }
}
