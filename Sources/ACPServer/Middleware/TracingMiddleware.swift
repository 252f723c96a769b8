// SPDX-License-Identifier: Apache-2.0

import ACPTracing
import HTTPTypes
import Hummingbird
import Tracing

/// Continues the trace of the caller (W3C Trace Context), with a span for each request if there is a tracer.
struct TracingMiddleware<Context: RequestContext>: RouterMiddleware {
    /// `nil` if there is no tracer.
    let tracer: (any Tracer)?

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        // Health checks would be most of all traces.
        guard tracer != nil || request.headers[.traceParent] != nil, !isProbe(request) else {
            return try await next(request, context)
        }
        let caller = callerContext(request)
        guard let tracer else {
            return try await ServiceContext.withValue(caller) { try await next(request, context) }
        }
        let method = RouteLabel.method(request.method)
        let span = tracer.startAnySpan(method, context: caller, ofKind: .server)
        span.attributes["http.request.method"] = method
        span.attributes["url.path"] = request.uri.path
        do {
            var response = try await ServiceContext.withValue(span.context) {
                try await next(request, context)
            }
            let route = RouteLabel.route(of: context)
            span.operationName = "\(method) \(route)"
            span.attributes["http.route"] = route
            span.attributes["http.response.status_code"] = response.status.code
            if let run = response.headers[.runID] { span.attributes["acp.run.id"] = run }
            if response.status.kind == .serverError { span.setStatus(SpanStatus(code: .error)) }
            guard response.body.contentLength == nil else {
                span.end()
                return response
            }
            let body = response.body
            response.body = ResponseBody { writer in
                defer { span.end() }
                try await ServiceContext.withValue(span.context) { try await body.write(writer) }
            }
            return response
        } catch {
            span.setStatus(SpanStatus(code: .error))
            span.end()
            throw error
        }
    }

    private func isProbe(_ request: Request) -> Bool {
        ["/ping", "/healthz", "/readyz", "/metrics"].contains { request.uri.path.hasSuffix($0) }
    }

    /// Returns the context that an application around this server has begun, or else that of the caller.
    private func callerContext(_ request: Request) -> ServiceContext {
        if let current = ServiceContext.current { return current }
        var context = ServiceContext.topLevel
        if let known = TraceContext(
            parent: request.headers[.traceParent], state: request.headers[.traceState])
        {
            context.traceContext = known
        }
        tracer?.extract(request.headers, into: &context, using: HeaderFields())
        return context
    }
}

private struct HeaderFields: Extractor {
    func extract(key: String, from carrier: HTTPFields) -> String? { HTTPField.Name(key).flatMap { carrier[$0] } }
}

extension HTTPField.Name {
    static let traceParent = HTTPField.Name(known: TraceContext.parentName)
    static let traceState = HTTPField.Name(known: TraceContext.stateName)
}
