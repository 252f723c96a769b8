// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// A log handler for storages that logs nothing while a storage is opened, since the tool prints the reason of a
/// failure once.
///
/// At level `debug`, all messages are logged.
struct StartupLogHandler: LogHandler {
    /// Opened when the storage has responded.
    final class Gate: Sendable {
        private let isOpenFlag = Atomic(false)
        var isOpen: Bool { isOpenFlag.load(ordering: .acquiring) }
        func open() { isOpenFlag.store(true, ordering: .releasing) }
    }

    let gate: Gate
    private var inner: any LogHandler

    init(label: String, level: Logger.Level, format: LogFormat, gate: Gate) {
        self.gate = gate
        inner = format.handler(label: label)
        inner.logLevel = level
    }

    /// Creates a logger for a storage.
    static func logger(level: Logger.Level, format: LogFormat, gate: Gate) -> Logger {
        var logger = Logger(label: "acp.storage") {
            StartupLogHandler(label: $0, level: level, format: format, gate: gate)
        }
        logger.logLevel = level
        return logger
    }

    var logLevel: Logger.Level {
        get { gate.isOpen || inner.logLevel <= .debug ? inner.logLevel : .critical }
        set { inner.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { inner.metadata }
        set { inner.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { inner.metadataProvider }
        set { inner.metadataProvider = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { inner[metadataKey: key] }
        set { inner[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { inner.log(event: event) }
}
