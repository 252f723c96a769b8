// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Everything that a server logs.
final class Log: Sendable {
    private let lines = Mutex<[String]>([])

    var messages: [String] { lines.withLock(\.self) }

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: Log
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            log.lines.withLock { $0.append("\(event.level): \(event.message) \(all)") }
        }
    }
}
