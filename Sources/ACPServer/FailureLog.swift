// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import HTTPTypes
import Hummingbird
import Logging

/// Tells the operator what callers are not told: why the server could not do what it was asked for.
///
/// Lines that repeat are limited, so that an outage with many callers does not fill the log.
struct FailureLog: Sendable {
    let limiter: LogLimiter

    /// Logs the error of a response, if it is one of the server's side.
    func record(_ answer: ErrorAnswer, _ request: Request, to logger: Logger) {
        guard answer.status.kind == .serverError else { return }
        let reason = logText(of: answer.cause ?? answer.error)
        let route = "\(request.method) \(request.uri.path)"
        let metadata: Logger.Metadata = [
            "method": "\(request.method)", "path": "\(request.uri.path)", "reason": "\(reason)",
        ]
        guard answer.status == .serviceUnavailable else {
            // To be mended by somebody: only the same error of the same route is a repetition.
            return limiter.log(
                .error, "a request failed", metadata: metadata, kind: "a request failed: \(route): \(reason)",
                to: logger)
        }
        // What passes by itself is no fault to be mended in this server.
        let (level, message): (Logger.Level, Logger.Message) =
            switch (answer.cause as? RunEngineError)?.code {
            case .storage: (.warning, "the storage failed during a request")
            case .tooManyRuns: (.warning, "a run was refused: too many runs")
            case .shuttingDown: (.info, "a request was refused: the server is shutting down")
            case nil where answer.cause is StorageError: (.warning, "the storage failed during a request")
            default: (.warning, "a request failed")
            }
        limiter.log(level, message, metadata: metadata, to: logger)
    }
}
