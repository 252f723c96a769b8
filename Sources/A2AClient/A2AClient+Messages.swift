// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import ACPCore

extension A2AClient {
    /// Sends a text to the agent and waits until the task ends or requires input.
    ///
    /// ```swift
    /// var response = try await client.sendMessage("Book a table")
    /// while let task = response.task, task.status.state == .inputRequired {
    ///     response = try await client.sendMessage("For two", taskID: task.id)
    /// }
    /// ```
    ///
    /// The returned task may have failed or require input: check its `status`.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - contextID: The conversation to continue. If `nil`, the server creates one, or takes the one of the task.
    ///   - taskID: The task to continue. If `nil`, the server creates a task or responds with a message.
    /// - Throws: ``A2AClientError``; `CancellationError`.
    public func sendMessage(
        _ text: String, contextID: A2A.ContextID? = nil, taskID: A2A.TaskID? = nil
    ) async throws -> A2A.SendMessageResponse {
        try await sendMessage(A2A.Message(text, contextID: contextID, taskID: taskID))
    }

    /// Sends a message to the agent and waits until the task ends or requires input.
    ///
    /// - Parameters:
    ///   - message: The message. Its `taskID` continues a task.
    ///   - configuration: What the client wishes of the response. With `returnsImmediately`, the call returns as soon
    ///     as there is a task. If `nil`, all has its default.
    ///   - metadata: Data of extensions and applications. If `nil`, there is none.
    ///   - idempotencyKey: The key by which the server recognizes a repeated send, 1 to 255 bytes. If `nil`, it is
    ///     random.
    /// - Throws: ``A2AClientError``; `CancellationError`.
    public func sendMessage(
        _ message: A2A.Message, configuration: A2A.SendMessageConfiguration? = nil, metadata: JSONObject? = nil,
        idempotencyKey: String? = nil
    ) async throws -> A2A.SendMessageResponse {
        let parameters = A2A.SendMessageRequest(message: message, configuration: configuration, metadata: metadata)
        let send = try await prepare(.sendMessage, parameters, idempotencyKey)
        let timeouts = link.configuration.timeouts
        let timeout = configuration?.returnsImmediately == true ? timeouts.request : timeouts.run
        return try await link.repeating(send.isRepeatable) {
            let reader = link.reader(send.request, isJSONRPC: send.endpoint.isJSONRPC, taskID: message.taskID)
            let response = try await link.send(send.request, timeout: timeout, taskID: message.taskID)
            return try reader.value(A2A.SendMessageResponse.self, response)
        }
    }

    /// Sends a text to the agent and streams the events of the task as they happen, until it ends or requires input.
    ///
    /// ```swift
    /// for try await event in try await client.streamMessage("Tell me a story") {
    ///     if case .artifactUpdate(let update) = event { print(update.artifact.text, terminator: "") }
    /// }
    /// ```
    ///
    /// The call returns as soon as the server has accepted the message, so that errors such as an unknown task are
    /// thrown here.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - contextID: The conversation to continue. If `nil`, the server creates one, or takes the one of the task.
    ///   - taskID: The task to continue. If `nil`, the server creates a task or responds with a message.
    /// - Throws: ``A2AClientError``; `CancellationError`.
    public func streamMessage(
        _ text: String, contextID: A2A.ContextID? = nil, taskID: A2A.TaskID? = nil
    ) async throws -> TaskStream {
        try await streamMessage(A2A.Message(text, contextID: contextID, taskID: taskID))
    }

    /// Sends a message to the agent and streams the events of the task as they happen, until it ends or requires input.
    ///
    /// - Parameters:
    ///   - message: The message. Its `taskID` continues a task.
    ///   - configuration: What the client wishes of the response. If `nil`, all has its default.
    ///   - metadata: Data of extensions and applications. If `nil`, there is none.
    ///   - idempotencyKey: The key by which the server recognizes a repeated send, 1 to 255 bytes. If `nil`, it is
    ///     random.
    /// - Throws: ``A2AClientError``, with code `serverError` and the server's code `unsupportedOperation` if the agent
    ///   does not stream; `CancellationError`.
    public func streamMessage(
        _ message: A2A.Message, configuration: A2A.SendMessageConfiguration? = nil, metadata: JSONObject? = nil,
        idempotencyKey: String? = nil
    ) async throws -> TaskStream {
        let parameters = A2A.SendMessageRequest(message: message, configuration: configuration, metadata: metadata)
        let send = try await prepare(.sendStreamingMessage, parameters, idempotencyKey)
        let connection = try await link.repeating(send.isRepeatable) {
            try await link.open(send.request, isJSONRPC: send.endpoint.isJSONRPC, taskID: message.taskID)
        }
        return TaskStream(
            link: link, endpoint: send.endpoint,
            start: .connection(connection, resend: send.isRepeatable ? send.request : nil),
            progress: StreamProgress(taskID: message.taskID, milestone: .settled))
    }

    /// The request of a send, which is the same for all attempts.
    private struct Send {
        var request: ClientRequest
        var endpoint: Endpoint
        /// Whether the server recognizes a repeated request.
        var isRepeatable: Bool
    }

    private func prepare(
        _ method: A2A.Method, _ parameters: A2A.SendMessageRequest, _ idempotencyKey: String?
    ) async throws -> Send {
        if let fault = idempotencyKey.flatMap(HeaderValue.idempotencyKeyFault) {
            throw A2AClientError(.invalidConfiguration, "the idempotency key \(fault)")
        }
        let entry = try await link.card()
        let endpoint = try entry.endpoint.get()
        var request = try endpoint.request(method, parameters)
        let key = idempotencyKey ?? RandomUUID.text()
        request.extraHeaders.append((A2A.Extensions.idempotencyKeyHeaderName, key))
        let declares = entry.card.capabilities.extensions.contains { $0.uri == A2A.Extensions.idempotentSending }
        return Send(
            request: request, endpoint: endpoint, isRepeatable: link.configuration.deduplicatesSends ?? declares)
    }
}
