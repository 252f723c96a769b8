// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPServer
import HTTPTypes
import Hummingbird
import NIOCore

/// Converts the errors of requests into responses with the protocol's error object, in the form of the binding that the
/// path names.
struct A2AErrorMiddleware<Context: RequestContext>: RouterMiddleware {
    let failureLogger: FailureLogger

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let failure = A2AFailure(converting: error)
            if let logged = failure.logged { failureLogger.log(logged, request, to: context.logger) }
            let isJSONRPC = Endpoint(context).isJSONRPC && !request.uri.path.hasSuffix(Endpoint.cardPath)
            let body = isJSONRPC ? A2A.JSONRPC.response(to: .null, error: failure.error) : failure.error.httpBody()
            var response = Response(json: body, status: failure.status)
            response.headers.append(contentsOf: failure.headers)
            // A client would take a body for the response to the next request on the connection.
            return request.method == .head ? response.createHeadResponse() : response
        }
    }
}

extension Response {
    /// Creates a response with JSON.
    init(json: [UInt8], status: HTTPResponse.Status = .ok, type: String = "application/json") {
        self.init(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: json)))
    }
}
