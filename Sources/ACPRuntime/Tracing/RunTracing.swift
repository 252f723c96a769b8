// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPTracing
import Tracing

/// Creates the traces of runs.
struct RunTracing: Sendable {
    /// `nil` if there is no tracer.
    let tracer: (any Tracer)?

    /// The largest size of what is stored of a trace with its run.
    private static let maximumStoredBytes = 1_024

    /// Begins the trace of a run that the current task creates.
    ///
    /// - Returns: The trace, or `nil` if there is neither a tracer nor a trace that the caller has begun.
    func begin(_ run: RunID, of agent: AgentName) -> RunTrace? {
        let current = ServiceContext.current
        guard tracer != nil || current?.traceContext != nil else { return nil }
        return trace(run, of: agent, in: current ?? .topLevel)
    }

    /// Begins the trace of a run that another process has begun, or this one before it was restarted. It is linked to
    /// the trace that is stored with the run.
    func resume(_ run: Run) -> RunTrace? {
        let stored = run.trace.map { TraceFields($0.compactMapValues(\.stringValue)) }
        let current = ServiceContext.current
        guard tracer != nil || stored != nil || current?.traceContext != nil else { return nil }
        var first = ServiceContext.topLevel
        stored?.extract(into: &first, tracer)
        guard tracer != nil else {
            // Nothing but the ids is known of either trace: those of the first one are passed on.
            return trace(run.id, of: run.agentName, in: stored == nil ? current ?? .topLevel : first)
        }
        let trace = trace(run.id, of: run.agentName, in: current ?? .topLevel)
        if stored != nil { trace.span?.addLink(SpanLink(context: first, attributes: ["acp.link": "first"])) }
        trace.span?.attributes["acp.run.resumed"] = true
        return trace
    }

    private func trace(_ run: RunID, of agent: AgentName, in context: ServiceContext) -> RunTrace {
        guard let tracer else { return RunTrace(nil, span: nil, context: context, stored: stored(context)) }
        let span = tracer.startAnySpan("run \(agent)", context: context, ofKind: .internal)
        span.attributes["acp.run.id"] = run.rawValue
        span.attributes["acp.agent"] = agent.rawValue
        return RunTrace(tracer, span: span, context: span.context, stored: stored(span.context))
    }

    /// Returns what is stored of a trace with its run.
    private func stored(_ context: ServiceContext) -> JSONObject? {
        let values = TraceFields(of: context, tracer).values
        let size = values.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard !values.isEmpty, size <= Self.maximumStoredBytes else { return nil }
        return JSONObject(values.mapValues { .string($0) })
    }
}

extension JSONObject {
    fileprivate func compactMapValues<Value>(_ transform: (JSONValue) -> Value?) -> [String: Value] {
        reduce(into: [:]) { values, member in values[member.key] = transform(member.value) }
    }
}

/// The trace of one run in this process: a span from its creation, or from its take-over, until its end is stored.
final class RunTrace: Sendable {
    private let tracer: (any Tracer)?
    /// `nil` if there is no tracer.
    let span: (any Span)?
    /// The context of everything that the run does.
    let context: ServiceContext
    /// What is stored with the run.
    let stored: JSONObject?

    fileprivate init(_ tracer: (any Tracer)?, span: (any Span)?, context: ServiceContext, stored: JSONObject?) {
        self.tracer = tracer
        self.span = span
        self.context = context
        self.stored = stored
    }

    /// The id of the trace, for the log. `nil` if the tracer does not write W3C's headers.
    var id: String? { TraceContext(parent: stored?[TraceContext.parentName]?.stringValue, state: nil)?.traceID }

    /// Calls the handler within a span of its own.
    func handling(_ agent: AgentName, _ body: () async throws -> Void) async throws {
        try await inSpan("handler \(agent)", [:], body)
    }

    /// Performs a commit within a span of its own.
    func committing(events: Int, isLast: Bool, _ body: () async throws -> Void) async throws {
        try await inSpan(
            "commit", ["acp.commit.events": .int64(Int64(events)), "acp.commit.last": .bool(isLast)], body)
    }

    private func inSpan(
        _ name: String, _ attributes: SpanAttributes, _ body: () async throws -> Void
    ) async throws {
        guard let tracer else { return try await ServiceContext.withValue(context) { try await body() } }
        let span = tracer.startAnySpan(name, context: context, ofKind: .internal)
        span.attributes = attributes
        defer { span.end() }
        do {
            try await ServiceContext.withValue(span.context) { try await body() }
        } catch {
            // The description of an error may contain a secret. The log has it, with the id of the run.
            if !(error is CancellationError) { span.setStatus(SpanStatus(code: .error)) }
            span.attributes["error.type"] = "\(type(of: error))"
            throw error
        }
    }

    /// Ends the span of a run whose end is stored, or that leaves memory while it awaits an answer.
    func end(_ run: Run) {
        guard let span else { return }
        span.attributes["acp.run.status"] = run.status.rawValue
        if let error = run.error {
            span.attributes["error.type"] = error.code.rawValue
            span.setStatus(SpanStatus(code: .error))
        }
        span.end()
    }

    /// Ends the span of a run that is not continued here.
    func end(abandonedAs reason: String) {
        guard let span else { return }
        span.attributes["acp.run.abandoned"] = reason
        span.end()
    }
}
