// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// Rejects requests and streams of callers beyond ``CallerLimits`` with 429.
struct CallerLimitMiddleware<Context: RemoteAddressRequestContext>: RouterMiddleware {
    let configuration: ServerConfiguration
    let limiter: CallerLimiter
    let errors: ErrorForms

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard !request.head.isHealthCheck else { return try await next(request, context) }
        let caller = await Caller(request.head, from: context.remoteAddress, configuration)
        if let delay = limiter.take(caller) {
            return try errors.response(Self.tooManyRequests(delay), request, context)
        }
        if request.acceptsEventStream, !limiter.hasRoom(caller) {
            return try errors.response(Self.tooManyStreams(), request, context)
        }
        var response = try await next(request, context)
        guard configuration.callers.maximumStreams != nil, response.headers[.contentType] == "text/event-stream",
            request.method != .head
        else { return response }
        guard let stream = limiter.open(caller) else {
            // The error keeps the run's id, so that the client can fetch the run later.
            let headers = response.headers[.runID].map { [.runID: $0] as HTTPFields } ?? [:]
            return try errors.response(Self.tooManyStreams(headers), request, context)
        }
        let body = response.body
        response.body = ResponseBody { writer in
            defer { stream.close() }
            try await body.write(writer)
        }
        return response
    }

    private static func tooManyRequests(_ delay: Duration) -> ErrorResponse {
        let seconds = max(1, Int((delay / .seconds(1)).rounded(.up)))
        return ErrorResponse(
            .tooManyRequests, .unavailable,
            "too many requests of one caller: try again in \(seconds) s (CallerLimits.requestsPerSecond)",
            headers: [.retryAfter: "\(seconds)"])
    }

    private static func tooManyStreams(_ headers: HTTPFields = [:]) -> ErrorResponse {
        ErrorResponse(
            .tooManyRequests, .unavailable,
            "too many open streams of one caller: close some of them (CallerLimits.maximumStreams)",
            headers: [.retryAfter: "1"] + headers)
    }
}

extension HTTPRequest {
    /// Whether the request is a health check, which is served to everybody.
    var isHealthCheck: Bool {
        switch path {
        case "/ping", "/healthz", "/readyz": true
        default: false
        }
    }
}
