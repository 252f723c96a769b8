// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// The logged lines, for tests.
final class Log: Sendable {
    struct Line: Sendable {
        let level: Logger.Level
        let text: String
        let metadata: Logger.Metadata

        subscript(_ key: String) -> String? { metadata[key].map { "\($0)" } }
    }

    private let written = Mutex<[Line]>([])

    var lines: [Line] { written.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: Log
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let line = Line(level: event.level, text: "\(event.message)", metadata: all)
            log.written.withLock { $0.append(line) }
        }
    }
}
