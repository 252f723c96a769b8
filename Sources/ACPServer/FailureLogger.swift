// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import HTTPTypes
import Hummingbird
import Logging

/// Logs the causes of failed requests, which responses do not contain.
///
/// Repeated messages are limited, so that an outage with many callers does not fill the log.
package struct FailureLogger: Sendable {
    let limiter: LogLimiter

    /// Logs the error of a response, if its status is 5xx.
    package func log(_ response: ErrorResponse, _ request: Request, to logger: Logger) {
        guard response.status.kind == .serverError else { return }
        let reason = logText(of: response.cause ?? response.error)
        let route = "\(request.method) \(request.uri.path)"
        let metadata: Logger.Metadata = [
            "method": "\(request.method)", "path": "\(request.uri.path)", "reason": "\(reason)",
        ]
        guard response.status == .serviceUnavailable else {
            // An error that requires a fix: only the same error of the same route counts as a repetition.
            return limiter.log(
                .error, "a request failed", metadata: metadata, kind: "a request failed: \(route): \(reason)",
                to: logger)
        }
        // Temporary errors are not a fault of this server.
        let (level, message): (Logger.Level, Logger.Message) =
            switch (response.cause as? RunEngineError)?.code {
            case .storage: (.warning, "the storage failed during a request")
            case .tooManyRuns: (.warning, "a run was rejected: too many active runs")
            case .shuttingDown: (.info, "a request was rejected: the server is shutting down")
            case nil where response.cause is StorageError: (.warning, "the storage failed during a request")
            default: (.warning, "a request failed")
            }
        limiter.log(level, message, metadata: metadata, to: logger)
    }
}
