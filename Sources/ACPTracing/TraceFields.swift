// SPDX-License-Identifier: Apache-2.0

package import Tracing

extension ServiceContext {
    private enum TraceContextKey: ServiceContextKey {
        typealias Value = TraceContext
    }

    /// The trace context with which a request came. It is passed on where no tracer creates spans.
    package var traceContext: TraceContext? {
        get { self[TraceContextKey.self] }
        set { self[TraceContextKey.self] = newValue }
    }
}

/// What a trace context consists of outside of the process: names and values of headers.
package struct TraceFields: Sendable, Hashable {
    /// The values, by their names in lower case.
    package var values: [String: String]

    package init(_ values: [String: String] = [:]) { self.values = values }

    /// Creates the fields of a context, as the tracer writes them. Without a tracer, or if it does not write a
    /// `traceparent`, they include the trace context with which the request came.
    package init(of context: ServiceContext, _ tracer: (any Tracer)?) {
        values = [:]
        tracer?.inject(context, into: &values, using: DictionaryFields())
        guard values[TraceContext.parentName] == nil, let known = context.traceContext else { return }
        values[TraceContext.parentName] = known.parent
        values[TraceContext.stateName] = known.state
    }

    /// Adds what the fields contain to a context.
    package func extract(into context: inout ServiceContext, _ tracer: (any Tracer)?) {
        if let known = TraceContext(parent: values[TraceContext.parentName], state: values[TraceContext.stateName]) {
            context.traceContext = known
        }
        tracer?.extract(values, into: &context, using: DictionaryFields())
    }
}

private struct DictionaryFields: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
        carrier[key.lowercased()] = value
    }

    func extract(key: String, from carrier: [String: String]) -> String? { carrier[key.lowercased()] }
}

extension InstrumentationSystem {
    /// The tracer that was bootstrapped. `nil` if there is none.
    package static var bootstrappedTracer: (any Tracer)? {
        let tracer = InstrumentationSystem.tracer
        return tracer is NoOpTracer ? nil : tracer
    }
}
