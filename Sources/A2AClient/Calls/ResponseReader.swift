// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import NIOCore
import NIOHTTP1

/// Reads results and errors out of the responses to one request.
struct ResponseReader: Sendable {
    let request: ClientRequest
    let isJSONRPC: Bool
    let transport: Transport
    let configuration: A2AClient.Configuration
    let taskID: A2A.TaskID?

    /// Returns the JSON of the result.
    ///
    /// - Throws: ``A2AClientError`` if the response is an error.
    func result(_ response: ClientResponse) throws(A2AClientError) -> ArraySlice<UInt8> {
        let body = Array(response.body.readableBytesView)
        guard isJSONRPC else {
            guard (200..<300).contains(response.status) else { throw failure(response) }
            return body[...]
        }
        let envelope: A2A.JSONRPC.Response
        do throws(A2AError) {
            envelope = try A2A.JSONRPC.Response(json: body)
        } catch {
            guard (200..<300).contains(response.status) else { throw failure(response) }
            throw invalid(response, error)
        }
        switch envelope.outcome {
        case .error(let error): throw serverError(error, response)
        case .result(let json):
            guard (200..<300).contains(response.status) else { throw failure(response) }
            return json
        }
    }

    /// Returns the result.
    func value<Value: ProtoObject>(
        _ type: Value.Type, _ response: ClientResponse
    ) throws(A2AClientError) -> Value {
        let json = try result(response)
        do throws(A2AError) {
            return try A2AJSON.decode(type, from: json)
        } catch {
            throw invalid(response, error)
        }
    }

    /// Returns the error for a response with an error status.
    func failure(_ response: ClientResponse) -> A2AClientError {
        if (300..<400).contains(response.status), let location = response.headers.first(name: "Location") {
            var error = A2AClientError(
                .invalidResponse,
                "\(transport.describe(request)) was redirected to \(location): use the URL of the server itself")
            error.status = response.status
            error.taskID = taskID
            return error
        }
        let body = response.body.readableBytesView
        var error = A2AError(httpStatus: response.status, body: body)
        if isJSONRPC, let envelope = try? A2A.JSONRPC.Response(json: Array(body)),
            case .error(let inner) = envelope.outcome
        {
            error = inner
        }
        guard response.isJSON else {
            var failure = serverError(error, response)
            failure.message = configuration.redacting(
                "the response to \(transport.describe(request)) is \(transport.excerpt(response)). "
                    + "Is \(transport.address(of: request)) the URL of an A2A agent?")
            return failure
        }
        return serverError(error, response)
    }

    /// Returns the error for a response that is not what the protocol defines.
    func invalid(_ response: ClientResponse, _ cause: A2AError?) -> A2AClientError {
        let reason = cause.map { ", which is not A2A: \($0.message)" } ?? " instead of an event stream"
        var failure = A2AClientError(
            .invalidResponse,
            configuration.redacting(
                "the response to \(transport.describe(request)) is \(transport.excerpt(response))\(reason). "
                    + "Is \(transport.address(of: request)) the URL of an A2A agent?"))
        failure.status = response.status
        failure.taskID = taskID
        return failure
    }

    private func serverError(_ error: A2AError, _ response: ClientResponse) -> A2AClientError {
        failure(error, status: response.status, retryAfter: response.headers.retryAfter)
    }

    /// Returns the error for an error object of the server.
    func failure(_ error: A2AError, status: Int?, retryAfter: Duration? = nil) -> A2AClientError {
        var error = error
        error.message = configuration.redacting(error.message)
        error.metadata = error.metadata.mapValues(configuration.redacting)
        for index in error.violations.indices {
            error.violations[index].description = configuration.redacting(error.violations[index].description)
        }
        // Details of unknown kinds are not needed to understand the error, and may repeat what was sent.
        if configuration.hasCredentials { error.details = [] }
        let place = status.map { "\(error.code.reason), HTTP \($0)" } ?? error.code.reason
        var failure = A2AClientError(.serverError, "\(error.message) (\(place))")
        failure.serverError = error
        failure.status = status
        failure.retryAfter = retryAfter
        failure.taskID = taskID
        return failure
    }
}

extension ClientResponse {
    /// Whether the content type is one of JSON.
    var isJSON: Bool { contentType == "application/json" || contentType.hasSuffix("+json") }
}
