// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging

/// What callers and operators learn of a run.
extension RunExecution {
    /// Returns how a run ends whose handler has thrown an error.
    ///
    /// Callers get the errors that are meant for them. The description of any other error may contain secrets,
    /// addresses or paths, and is given to them only if ``EngineConfiguration/reportsErrorDescriptions`` is set.
    func outcome(of error: any Error) -> RunOutcome {
        let isReported = configuration.reportsErrorDescriptions
        switch error {
        case let error as ACPError: return .failed(error)
        case let error as RunEngineError where error.storageError != nil:
            return outcome(of: error.storageError ?? error)
        case let error as StorageError:
            return .failed(
                ACPError(.serverError, isReported ? "the storage failed: \(error.message)" : error.publicMessage))
        case let error as LinkError:
            return .failed(ACPError(.serverError, error.message, data: ["link_error": .string("\(error.code)")]))
        case is CancellationError:
            return .failed(ACPError(.serverError, "agent \(agentName) threw CancellationError without being cancelled"))
        default:
            let reason = isReported ? "\(error)" : "see the server's log for run \(id)"
            return .failed(ACPError(.serverError, "agent \(agentName) failed: \(reason)"))
        }
    }

    func log(_ entry: RunStateMachine.LogEntry) {
        switch entry {
        case .storageFailed(let error): logRepeated("the storage failed; trying again", error)
        case .sessionNotSaved(let error): logRepeated("the session of a run could not be stored", error)
        case .turnNotPassed(let error): logRepeated("the next run of the session could not be notified", error)
        case .graceExceeded:
            logger.warning("the handler did not stop within the grace period; its run ends as cancelled")
        case .leftWithHandler:
            logger.warning(
                "the handler did not stop within the grace period; its run leaves memory, and may be run again meanwhile"
            )
        case .cancelledWhileEnding: logger.debug("the run was cancelled while its end was being stored")
        case .damaged(let error):
            logger.error("the stored run is damaged; it fails", metadata: ["reason": "\(error)"])
        case .abandoned(let error):
            // That a run is abandoned because the process ends, or because it could not be created, is logged
            // elsewhere.
            guard error.code != .closed else { return }
            logger.error("the run was abandoned by this process", metadata: ["reason": "\(error)"])
        case .failed(let report): log(report)
        }
    }

    /// Logs an error that may occur often, at most once per interval.
    private func logRepeated(_ message: Logger.Message, _ error: StorageError) {
        context.logLimiter.log(.warning, message, metadata: ["reason": "\(error)"], to: logger)
    }

    /// Logs the end of a failed run, with the whole error.
    private func log(_ report: RunStateMachine.FailureReport) {
        let failure = report.failure
        let level: Logger.Level = report.isByHandler ? .error : .warning
        var metadata: Logger.Metadata = ["error": "\(logText(of: report.thrown ?? failure))"]
        if report.thrown is ACPError?, let data = failure.data { metadata["data"] = "\("\(data)".prefix(2_000))" }
        logger.log(level: level, "a run failed", metadata: metadata)
    }
}
