// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging

/// What callers and operators are told when a run fails.
extension RunExecution {
    /// What becomes of a run whose handler has thrown an error.
    ///
    /// Callers are told what is meant for them. A description of any other error may hold secrets, addresses or paths, and is
    /// told only if ``EngineConfiguration/reportsErrorDescriptions`` is set.
    func outcome(of error: any Error) -> RunOutcome {
        let isReported = configuration.reportsErrorDescriptions
        switch error {
        case let error as ACPError: return .failed(error)
        case let error as StorageError:
            return .failed(
                ACPError(.serverError, isReported ? "the storage failed: \(error.message)" : error.publicMessage))
        case RunEngineError.storage(let error): return outcome(of: error)
        case let error as LinkError:
            return .failed(ACPError(.serverError, error.message, data: ["link_error": .string("\(error.code)")]))
        case is CancellationError:
            return .failed(ACPError(.serverError, "agent \(agentName) ended with a cancellation that nobody asked for"))
        default:
            let reason = isReported ? "\(error)" : "see the server's log for run \(id)"
            return .failed(ACPError(.serverError, "agent \(agentName) failed: \(reason)"))
        }
    }

    /// Logs the end of a run that has failed, with the whole error. Cancelled runs are no failures.
    func logFailure(_ ending: Ending) {
        guard !ending.isCancelled, case .failed(let failure) = ending.outcome else { return }
        let level: Logger.Level =
            if ending.isByHandler { .error } else { failure.code == .timedOut ? .info : .warning }
        var metadata: Logger.Metadata = ["error": "\(logText(of: ending.error ?? failure))"]
        if ending.error is ACPError?, let data = failure.data { metadata["data"] = "\("\(data)".prefix(2_000))" }
        logger.log(level: level, "a run failed", metadata: metadata)
    }
}

extension RunExecution.Ending {
    /// The end of a run whose handler has thrown an error.
    ///
    /// A handler that was replayed and did not do the same as before fails the run for that reason, whatever it throws.
    func throwing(_ error: (any Error)?) -> Self {
        guard hasHandlersOutcome else { return self }
        var ending = self
        ending.error = error
        return ending
    }
}
