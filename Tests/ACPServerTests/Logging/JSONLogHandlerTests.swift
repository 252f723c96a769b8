// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation
import Logging
import Synchronization
import Testing

@Suite("Log lines as JSON")
struct JSONLogHandlerTests {
    private let log = JSONLog()

    @Test("A line has the time, the level, the logger, the message, and the metadata as members")
    func members() throws {
        var logger = log.logger
        logger[metadataKey: "run_id"] = "r-1"
        logger.warning(
            "the \"storage\" failed\n",
            metadata: [
                "count": .stringConvertible(3), "ratio": .stringConvertible(0.5), "ok": .stringConvertible(true),
                "list": ["a", "b"], "nested": ["x": "y"], "run_id": "r-2", "level": "mine",
            ])
        let line = try #require(log.lines.first)
        #expect(
            line.map(\.key) == [
                "time", "level", "logger", "message", "count", "metadata_level", "list", "nested", "ok", "ratio",
                "run_id",
            ])
        #expect(line["level"] == "warning")
        #expect(line["logger"] == "test")
        #expect(line["message"] == "the \"storage\" failed\n")
        #expect(line["count"] == 3 && line["ratio"] == 0.5 && line["ok"] == true)
        #expect(line["list"] == ["a", "b"] && line["nested"] == ["x": "y"])
        #expect(line["run_id"] == "r-2", "the metadata of the message count")
        #expect(line["metadata_level"] == "mine")
        #expect(line["time"]?.stringValue.flatMap { Timestamp($0) } != nil)
        #expect(log.text.split(separator: "\n").count == 1, "a line break in a message does not break the line")
    }

    @Test("Messages below the level are not written")
    func level() {
        var logger = log.logger
        logger.logLevel = .warning
        logger.info("no")
        #expect(log.lines.isEmpty)
    }
}

/// The lines of a logger, as JSON.
final class JSONLog: Sendable {
    private struct Lines {
        var written: [[UInt8]] = []
        /// The same lines, as far as they were requested. Tests that wait for a line request them often.
        var decoded: [JSONObject?] = []
    }

    private let kept = Mutex(Lines())

    var text: String { kept.withLock(\.written).map { String(decoding: $0, as: UTF8.self) }.joined() }

    var lines: [JSONObject] {
        kept.withLock { lines in
            for line in lines.written.dropFirst(lines.decoded.count) {
                lines.decoded.append(try? ACPJSON.decode(JSONObject.self, from: line))
            }
            return lines.decoded
        }.compactMap(\.self)
    }

    /// The lines of requests.
    var requests: [JSONObject] { lines.filter { $0["message"] == "request" } }

    var logger: Logger {
        var logger = Logger(label: "test") { label in
            JSONLogHandler(label: label) { line in self.kept.withLock { $0.written.append(line) } }
        }
        logger.logLevel = .trace
        return logger
    }
}

/// Returns the first value that is not `nil`.
func eventuallySome<Value: Sendable>(_ what: String, _ value: () -> Value?) async throws -> Value {
    var found: Value?
    try await eventually(what) {
        found = value()
        return found != nil
    }
    return try #require(found)
}
