// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Handles termination signals: the first shuts a service group down gracefully, the second cancels it, and the third
/// exits at once.
struct TerminationSignals: Sendable {
    /// The time after the second signal within which the services must end before the process exits.
    static let forcedExitDelay = Duration.seconds(5)

    private let signals: [UnixSignal]
    private let logger: Logger

    init(_ signals: [UnixSignal], logger: Logger) {
        self.signals = signals
        self.logger = logger
    }

    /// Runs a service group until it ends.
    ///
    /// - Throws: ``ServerError/interrupted(signal:)`` after a second signal; errors of the group.
    func run(_ group: ServiceGroup) async throws {
        let received = await UnixSignalsSequence(trapping: signals)
        let interruption = Interruption()
        // Unstructured, so that the second signal can cancel it while signals are still received. It is awaited below.
        let services = Task { try await group.run() }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask { [logger] in
                // Ends the process if the services do not end in time. Cancelled when they do.
                await withDiscardingTaskGroup { deadlines in
                    var count = 0
                    for await signal in received {
                        count += 1
                        switch count {
                        case 1:
                            logger.notice(
                                "shutting down gracefully: a second signal ends the server at once",
                                metadata: ["signal": "\(signal)"])
                            await group.triggerGracefulShutdown()
                        case 2:
                            logger.warning(
                                "ending at once: active runs and connections are cancelled",
                                metadata: ["signal": "\(signal)"])
                            interruption.signal.withLock { $0 = signal.rawValue }
                            services.cancel()
                            deadlines.addTask {
                                if (try? await Task.sleep(for: Self.forcedExitDelay)) != nil { Self.exit(signal) }
                            }
                        default: Self.exit(signal)
                        }
                    }
                }
            }
            let outcome = await withTaskCancellationHandler {
                await services.result
            } onCancel: {
                services.cancel()
            }
            if let signal = interruption.signal.withLock({ $0 }) { throw ServerError.interrupted(signal: signal) }
            try outcome.get()
        }
    }

    private static func exit(_ signal: UnixSignal) -> Never { _exit(128 + signal.rawValue) }

    /// The second signal, if there was one.
    private final class Interruption: Sendable {
        let signal = Mutex<Int32?>(nil)
    }
}
