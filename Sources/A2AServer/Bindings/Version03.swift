// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The methods of version 0.3 over JSON-RPC. They are those of version 1.0 in other forms, so that they are only
/// translated here.
enum Version03 {
    /// Reads a request.
    ///
    /// - Throws: ``A2AError``: `methodNotFound` or `invalidParams`.
    static func method(of request: A2A.JSONRPC.Request) throws(A2AError) -> MethodRequest {
        guard let method = A2A.V03.method(named: request.method) else {
            guard A2A.Method(rawValue: request.method) != nil else {
                throw A2AError(.methodNotFound, "there is no method \"\(request.method.prefix(60))\" in version 0.3")
            }
            throw A2AError(
                .versionNotSupported,
                "\(request.method) is a method of version 1.0: set the header \(A2A.Version.headerName) to 1.0")
        }
        let object = try request.params.map { params throws(A2AError) in
            try A2AJSON.read(JSONObject.self, from: params)
        }
        let params = object ?? [:]
        switch method {
        case .sendMessage: return .sendMessage(try checked(A2A.V03.sendMessageRequest(params)))
        case .sendStreamingMessage:
            // A stream waits in any case.
            return .sendStreamingMessage(try checked(A2A.V03.sendMessageRequest(params)))
        case .getTask: return .getTask(try checked(A2A.V03.getTaskRequest(params)))
        case .cancelTask: return .cancelTask(try checked(A2A.V03.cancelTaskRequest(params)))
        case .subscribeToTask: return .subscribeToTask(try checked(A2A.V03.subscribeToTaskRequest(params)))
        case .createTaskPushNotificationConfig:
            return .createPushConfig(try checked(A2A.V03.taskPushNotificationConfig(params)))
        case .getTaskPushNotificationConfig:
            return .getPushConfig(try A2A.V03.getTaskPushNotificationConfigRequest(params))
        case .listTaskPushNotificationConfigs:
            return .listPushConfigs(try checked(A2A.V03.listTaskPushNotificationConfigsRequest(params)))
        case .deleteTaskPushNotificationConfig:
            return .deletePushConfig(try checked(A2A.V03.deleteTaskPushNotificationConfigRequest(params)))
        case .getExtendedAgentCard: return .getExtendedCard(A2A.GetExtendedAgentCardRequest())
        case .listTasks: throw A2AError(.methodNotFound, "version 0.3 has no list of tasks")
        }
    }

    private static func checked<Request: A2AObject>(_ request: Request) throws(A2AError) -> Request {
        try request.validate()
        return request
    }

    /// Returns the result of a method as JSON.
    static func json(_ result: MethodResult) throws(A2AError) -> [UInt8] {
        let value: JSONValue
        switch result {
        case .response(.task(let task)), .task(let task): value = .object(A2A.V03.object(task))
        case .response(.message(let message)): value = .object(A2A.V03.object(message))
        case .tasks(let tasks): value = .array(tasks.tasks.map { .object(A2A.V03.object($0)) })
        case .pushConfig(let config): value = .object(A2A.V03.object(config))
        case .pushConfigs(let configs): value = A2A.V03.array(configs)
        case .card(let card):
            guard let object = A2A.V03.object(card) else {
                throw A2AError(.extendedAgentCardNotConfigured, "the extended card has no interface of version 0.3")
            }
            value = .object(object)
        case .nothing: value = .null
        }
        return try A2AJSON.write(value)
    }

    /// Returns the response to a method that should have returned a stream: a stream of one error, because clients
    /// expect nothing else.
    static func stream(of json: [UInt8]) -> Response {
        var buffer = ByteBuffer(string: "data: ")
        buffer.writeBytes(json)
        buffer.writeStaticString("\n\n")
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: buffer))
    }

    /// Encodes the elements of a stream.
    struct StreamEncoder: A2AServer.StreamEncoder {
        let id: A2A.JSONRPC.ID
        private let envelope: A2A.JSONRPC.ResponseEnvelope

        init(id: A2A.JSONRPC.ID) {
            self.id = id
            envelope = A2A.JSONRPC.ResponseEnvelope(id: id)
        }

        func encode(_ response: A2A.StreamResponse) throws(A2AError) -> [UInt8]? {
            guard let object = A2A.V03.object(response) else { return nil }
            return try envelope.response(object)
        }

        func encode(_ error: A2AError) -> [UInt8] { A2A.JSONRPC.response(to: id, error: error) }
    }
}

extension TaskService.Stream {
    /// The stream for a client of version 0.3, whose streams end when a task asks a question.
    var version03: TaskService.Stream {
        TaskService.Stream(run: run, first: first, offset: offset, end: .settled, events: events)
    }
}
