// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Logging
import Redis
import RedisTestSupport
import Synchronization

/// Returns everything that masters store, byte for byte, except for times to live.
func contents(of servers: [RedisTestServer]) async throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for server in servers {
        for key in try await server.send("KEYS", "*").array ?? [] {
            let name = key.string ?? ""
            found[name] = try await server.send("DUMP", name).bytes
        }
    }
    return found
}

/// Records what is logged.
struct KeepingLog: LogHandler {
    final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    static func make() -> (Logger, Lines) {
        let lines = Lines()
        return (Logger(label: "test") { _ in KeepingLog(lines: lines) }, lines)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.add("\(event.message) \(event.metadata ?? [:])")
    }
}
