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
            return failure.response(to: request, context)
        }
    }
}

extension A2AFailure {
    /// Returns the response with the error in the form of the binding that the path names.
    func response(to request: Request, _ context: some RequestContext) -> Response {
        let isJSONRPC = Endpoint(context).isJSONRPC && !request.uri.path.hasSuffix(Endpoint.cardPath)
        let body = isJSONRPC ? A2A.JSONRPC.response(to: .null, error: error) : error.httpBody()
        var response = Response(json: body, status: status)
        response.headers.append(contentsOf: headers)
        // A client would take a body for the response to the next request on the connection.
        return request.method == .head ? response.createHeadResponse() : response
    }
}

extension Response {
    /// Creates a response with JSON.
    init(json: [UInt8], status: HTTPResponse.Status = .ok, type: String = "application/json") {
        self.init(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: json)))
    }
}
