// SPDX-License-Identifier: Apache-2.0

/// One event of a `text/event-stream`.
package struct ServerSentEvent: Hashable {
    /// The id of this event. Unlike a browser's last event id, it is not inherited from earlier events, so that an
    /// event without an id is not mistaken for the one before it.
    package var id: String?
    /// The event's type. Defaults to `message`.
    package var type: String
    /// The data lines, joined by line feeds.
    package var data: [UInt8]
}

/// Parses a `text/event-stream`, in whatever pieces its bytes arrive.
///
/// It follows the WHATWG specification: lines end with CR, LF or CRLF, a leading byte order mark is ignored, lines that
/// begin with a colon are comments, an unfinished event at the end of the stream is discarded. It does no I/O. Each
/// byte is read once, and at most one event is buffered.
///
/// ```swift
/// var parser = ServerSentEventParser()
/// parser.append(chunk)
/// while let event = try parser.next() { … }
/// ```
package struct ServerSentEventParser {
    /// The error of an event that is larger than the limit.
    package struct EventTooLarge: Error, Hashable {
        package let limit: Int
    }

    /// The reconnection time that the stream has requested last, in milliseconds.
    package private(set) var retryMilliseconds: Int?

    private let maximumEventBytes: Int
    private var input: [UInt8] = []
    private var position = 0
    /// The start of a line whose end has not arrived. Lines that arrive in one piece are not copied here.
    private var partialLine: [UInt8] = []
    private var skipsLineFeed = false
    private var isFirstLine = true

    private var id: String?
    private var type = ""
    private var data: [UInt8] = []
    private var hasData = false

    /// - Parameter maximumEventBytes: The maximum size of the data of one event.
    package init(maximumEventBytes: Int = 64 * 1024 * 1024) {
        self.maximumEventBytes = maximumEventBytes
    }

    /// Appends the next piece. All events of the previous piece must have been read with ``next()``.
    package mutating func append(_ bytes: some Collection<UInt8>) {
        input.removeSubrange(..<position)
        position = 0
        input.append(contentsOf: bytes)
    }

    /// Returns the next complete event, or `nil` if more bytes are needed.
    ///
    /// - Throws: ``EventTooLarge``. The stream cannot be read further after that.
    package mutating func next() throws(EventTooLarge) -> ServerSentEvent? {
        while let line = try nextLine() {
            if let event = interpret(line) { return event }
            guard data.count <= maximumEventBytes else { throw EventTooLarge(limit: maximumEventBytes) }
        }
        return nil
    }

    // MARK: - Lines

    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    private mutating func nextLine() throws(EventTooLarge) -> ArraySlice<UInt8>? {
        if skipsLineFeed, position < input.count {
            skipsLineFeed = false
            if input[position] == Self.lineFeed { position += 1 }
        }
        let end = input.withUnsafeBufferPointer { bytes in
            var index = position
            while index < bytes.count, bytes[index] != Self.lineFeed, bytes[index] != Self.carriageReturn {
                index += 1
            }
            return index
        }
        // The additional bytes are for the field's name.
        guard partialLine.count + end - position <= maximumEventBytes + 64 else {
            throw EventTooLarge(limit: maximumEventBytes)
        }
        guard end < input.count else {
            partialLine += input[position...]
            position = end
            return nil
        }
        skipsLineFeed = input[end] == Self.carriageReturn
        var line = input[position..<end]
        position = end + 1
        if !partialLine.isEmpty {
            line = (partialLine + line)[...]
            partialLine = []
        }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
        }
        return line
    }

    // MARK: - Fields

    private mutating func interpret(_ line: ArraySlice<UInt8>) -> ServerSentEvent? {
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        let name = line[..<colon]
        if name.elementsEqual("data".utf8) {
            if hasData { data.append(Self.lineFeed) }
            data += value
            hasData = true
        } else if name.elementsEqual("id".utf8) {
            if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
        } else if name.elementsEqual("event".utf8) {
            type = String(decoding: value, as: UTF8.self)
        } else if name.elementsEqual("retry".utf8) {
            if !value.isEmpty, value.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains) {
                retryMilliseconds = Int(String(decoding: value, as: UTF8.self)) ?? retryMilliseconds
            }
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            id = nil
            type = ""
            data = []
            hasData = false
        }
        guard hasData else { return nil }
        return ServerSentEvent(id: id, type: type.isEmpty ? "message" : type, data: data)
    }
}
