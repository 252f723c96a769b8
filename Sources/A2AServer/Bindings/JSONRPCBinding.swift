// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPServer
import HTTPTypes
import Hummingbird

/// The binding `JSONRPC`. Responses have status 200, also those with errors, unless a request cannot be read at all.
struct JSONRPCBinding: Sendable {
    let operations: Operations

    /// Responds to a request.
    ///
    /// - Parameters:
    ///   - agent: The agent that the path names. If `nil`, the tenant names it.
    ///   - access: What the caller may do and reach.
    /// - Throws: ``A2AFailure`` and others if the request was refused before its body was read.
    func respond(
        to request: Request, _ context: some RemoteAddressRequestContext, agent: ServedAgent?, access: RunAccess
    ) async throws -> Response {
        try request.requireJSON()
        let received = try await operations.environment.withJSON(of: request) {
            ReceivedCall(Array($0.readableBytesView), in: Result { () throws(A2AError) in try version(of: request) })
        }
        do {
            return try await respond(to: received, request, context, agent, access)
        } catch {
            let failure = A2AFailure(converting: error)
            if let logged = failure.logged {
                operations.environment.failureLogger.log(logged, request, to: context.logger)
            }
            let body = A2A.JSONRPC.response(to: received.id, error: failure.error)
            var response = received.isStream03 ? Version03.stream(of: body) : Response(json: body)
            if let delay = failure.headers[.retryAfter] { response.headers[.retryAfter] = delay }
            return response
        }
    }

    private func respond(
        to received: ReceivedCall, _ request: Request, _ context: some RemoteAddressRequestContext,
        _ agent: ServedAgent?, _ access: RunAccess
    ) async throws -> Response {
        let (outcome, extensions) = try await operations.perform(
            try received.method.get(), at: agent, of: request, context, access, isVersion03: received.isVersion03)
        let envelope = A2A.JSONRPC.ResponseEnvelope(id: received.id)
        var response: Response
        switch outcome {
        case .result(let result):
            response = Response(
                json: received.isVersion03
                    ? envelope.wrap(try Version03.json(result)) : try result.encoded(envelope))
        case .stream(let stream):
            response =
                received.isVersion03
                ? operations.response(
                    of: stream.version03, Version03.StreamEncoder(id: received.id), to: request, context)
                : operations.response(of: stream, JSONRPCStreamEncoder(id: received.id), to: request, context)
        }
        response.setExtensions(extensions, isVersion03: received.isVersion03)
        return response
    }

    private func version(of request: Request) throws(A2AError) -> A2A.Version {
        try request.version(operations.agents.servesVersion03 ? [.v1, .v03] : [.v1])
    }
}

/// A request of JSON-RPC, as far as it could be read.
private struct ReceivedCall: Sendable {
    /// The id of the request, which the response has as well.
    let id: A2A.JSONRPC.ID
    let isVersion03: Bool
    /// Whether it is a method of version 0.3 that returns a stream.
    let isStream03: Bool
    let method: Result<MethodRequest, A2AError>

    init(_ json: [UInt8], in version: Result<A2A.Version, A2AError>) {
        do throws(A2A.JSONRPC.Rejection) {
            let request = try A2A.JSONRPC.Request(json: json)
            id = request.id
            isVersion03 = (try? version.get()) == .v03
            isStream03 = isVersion03 && A2A.V03.method(named: request.method)?.isStreaming == true
            method = Result { () throws(A2AError) in
                try version.get() == .v03 ? try Version03.method(of: request) : try MethodRequest(request)
            }
        } catch {
            id = error.id
            isVersion03 = false
            isStream03 = false
            method = .failure(error.error)
        }
    }
}
