// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation
public import Logging
import Synchronization

/// Writes log messages as JSON, one object per line.
///
/// ```swift
/// LoggingSystem.bootstrap(JSONLogHandler.standardError)
/// ```
///
/// Each object has the members `time` (RFC 3339, in UTC), `level`, `logger` and `message`, an `error` if the message
/// has one, and one member for each metadata value. Numbers and Boolean values in the metadata remain what they are;
/// metadata with one of the names above get the prefix `metadata_`.
///
/// ```json
/// {"time":"2026-05-04T10:00:00.123456Z","level":"error","logger":"acp","message":"a run failed","run_id":"8f14…","error":"…"}
/// ```
public struct JSONLogHandler: LogHandler {
    /// The level from which on messages are written.
    public var logLevel = Logger.Level.info
    /// The metadata of all messages.
    public var metadata: Logger.Metadata = [:]
    /// Provides further metadata for each message.
    public var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let write: @Sendable ([UInt8]) -> Void

    private static let reserved: Set<String> = ["time", "level", "logger", "message"]

    /// Creates a handler.
    ///
    /// - Parameters:
    ///   - label: The name of the logger.
    ///   - write: Receives each line, with its line break. It may be called from several threads at once.
    public init(label: String, write: @escaping @Sendable ([UInt8]) -> Void) {
        self.label = label
        self.write = write
    }

    /// Returns a handler that writes to the standard error.
    public static func standardError(label: String) -> JSONLogHandler {
        JSONLogHandler(label: label) { StandardError.write($0) }
    }

    /// A value of the metadata of all messages.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a message.
    public func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        // Most loggers have no metadata of their own.
        if let own = event.metadata { if all.isEmpty { all = own } else { all.merge(own) { $1 } } }
        if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
        log(event.level, event.message.description) { writer throws(JSONFault) in
            for (key, value) in all.sorted(by: { $0.key < $1.key }) {
                let name = Self.reserved.contains(key) ? "metadata_\(key)" : key
                try writer.member(named: name, JSONValue(value))
            }
        }
    }

    /// Whether messages have metadata of the handler.
    var hasMetadata: Bool { !metadata.isEmpty || metadataProvider != nil }

    /// Writes a message without metadata, whatever its level is.
    ///
    /// - Parameter addMembers: Adds further members to the object.
    func log(
        _ level: Logger.Level, _ message: String, _ addMembers: (inout JSONWriter) throws(JSONFault) -> Void
    ) {
        var writer = JSONWriter(depth: ACPJSON.maximumDepth)
        do throws(JSONFault) {
            try writer.beginObject()
            writer.key("time")
            Timestamp.now.write(to: &writer)
            writer.key("level")
            writer.string(level.rawValue)
            writer.key("logger")
            writer.string(label)
            writer.key("message")
            writer.string(message)
            try addMembers(&writer)
            writer.endObject()
        } catch {
            // A value is nested too deeply.
            return
        }
        var line = writer.takeBytes()
        line.append(0x0A)
        write(line)
    }
}

extension JSONValue {
    /// The JSON of a metadata value.
    fileprivate init(_ value: Logger.Metadata.Value) {
        switch value {
        case .string(let text): self = .string(text)
        case .stringConvertible(let value): self = JSONValue(describing: value)
        case .array(let values): self = .array(values.map { JSONValue($0) })
        case .dictionary(let values): self = .object(JSONObject(values.mapValues { JSONValue($0) }))
        }
    }

    private init(describing value: any CustomStringConvertible) {
        // Comparing types takes much less time than casts that fail.
        switch ObjectIdentifier(type(of: value)) {
        case ObjectIdentifier(Int.self):
            if let value = value as? Int { self = .integer(Int64(value)); return }
        case ObjectIdentifier(Double.self):
            if let value = value as? Double, value.isFinite { self = .number(value); return }
        case ObjectIdentifier(Bool.self):
            if let value = value as? Bool { self = .bool(value); return }
        default: break
        }
        self = .string(value.description)
    }
}

/// The standard error, to which several threads write whole lines.
private enum StandardError {
    /// Held during a write, so that long lines of several threads are not mixed. Nothing is called meanwhile that could
    /// wait for it.
    private static let lock = Mutex(())

    static func write(_ line: [UInt8]) {
        lock.withLock { _ in
            line.withUnsafeBytes { bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = Foundation.write(
                        STDERR_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                    // A closed or full standard error must not stop the program.
                    guard count > 0 || errno == EINTR else { return }
                    rest = rest.dropFirst(max(0, count))
                }
            }
        }
    }
}
