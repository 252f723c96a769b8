// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient
import NIOCore
import NIOHTTP1

/// The interface of an agent that a client calls: gives each call the form of its binding.
struct Endpoint: Sendable {
    let interface: A2A.AgentInterface
    /// Whether the token and the headers are sent to it.
    let isTrusted: Bool

    var isJSONRPC: Bool { interface.binding == .jsonRPC }

    /// Returns the request of a call.
    ///
    /// Bodies are sent as `application/json`: every server of the protocol must accept it, whereas
    /// `application/a2a+json` is a recommendation that not all servers follow.
    ///
    /// - Parameters:
    ///   - method: The method.
    ///   - parameters: Its parameters. A tenant in it replaces the one of the interface.
    ///   - verb: The verb in the HTTP+JSON binding. If `nil`, the usual one of the method.
    func request<Parameters: CallParameters>(
        _ method: A2A.Method, _ parameters: Parameters, verb: String? = nil
    ) throws(A2AClientError) -> ClientRequest {
        do throws(A2AError) {
            let tenant = parameters.tenant ?? interface.tenant
            var request =
                isJSONRPC
                ? try jsonRPCRequest(method, parameters, tenant) : try httpRequest(method, parameters, tenant, verb)
            request.isTrusted = isTrusted
            request.acceptsErrors = true
            request.isIdempotent = method.isIdempotent
            request.name = isJSONRPC ? method.rawValue : "\(method.rawValue) (\(request.method.rawValue))"
            if method.isStreaming { request.accept = "text/event-stream" }
            return request
        } catch {
            throw A2AClientError(
                .invalidConfiguration, "\(method.rawValue) cannot be sent: \(error.message)", cause: error)
        }
    }

    private func jsonRPCRequest(
        _ method: A2A.Method, _ parameters: some CallParameters, _ tenant: String?
    ) throws(A2AError) -> ClientRequest {
        var parameters = parameters
        parameters.tenant = tenant
        // A connection carries one request at a time, so that responses need not be told apart.
        let envelope = A2A.JSONRPC.Request(
            id: .string("1"), method: method.rawValue, params: try A2AJSON.encode(parameters)[...])
        return ClientRequest(method: .POST, target: .url(interface.url), body: ByteBuffer(bytes: envelope.json))
    }

    private func httpRequest(
        _ method: A2A.Method, _ parameters: some CallParameters, _ tenant: String?, _ verb: String?
    ) throws(A2AError) -> ClientRequest {
        var parameters = parameters
        // The path names it.
        parameters.tenant = nil
        let call = A2A.HTTPCall(
            method, tenant: tenant, taskID: parameters.pathTask, pushConfigID: parameters.pathConfig)
        var url = interface.url
        while url.hasSuffix("/") { url.removeLast() }
        url += call.path
        let query = parameters.query
        if !query.isEmpty { url += "?" + query }
        var request = ClientRequest(
            method: HTTPMethod(rawValue: verb ?? call.verb), target: .url(url),
            body: try parameters.httpBody().map { ByteBuffer(bytes: $0) })
        request.accept = "application/a2a+json, application/json"
        return request
    }
}
