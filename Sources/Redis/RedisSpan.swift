// SPDX-License-Identifier: Apache-2.0

import Tracing

/// Tracing spans with the attribute names of OpenTelemetry's database conventions. They never contain command
/// arguments.
enum RedisSpan {
    static func trace<Value: Sendable>(
        _ tracer: any Tracer,
        _ name: String,
        count: Int,
        _ configuration: RedisConfiguration,
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        try await tracer.withAnySpan(name, ofKind: .client) { span in
            span.attributes["db.system"] = "redis"
            span.attributes["db.operation.name"] = name
            span.attributes["db.namespace"] = "\(configuration.database)"
            if count > 1 { span.attributes["db.operation.batch.size"] = count }
            switch configuration.address {
            case .tcp(let host, let port):
                span.attributes["server.address"] = host
                span.attributes["server.port"] = port
            case .unixSocket(let path):
                span.attributes["server.address"] = path
            }
            do {
                return try await body()
            } catch {
                if let error = error as? RedisError { span.attributes["error.type"] = error.code.description }
                span.setStatus(.init(code: .error))
                throw error
            }
        }
    }
}
