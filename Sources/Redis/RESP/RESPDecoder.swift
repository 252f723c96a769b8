// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// An incremental RESP2 and RESP3 decoder.
///
/// Feed it the received bytes and take messages until there is none:
///
/// ```swift
/// decoder.feed(&bytes)
/// while let message = try decoder.next() { … }
/// ```
///
/// The decoder keeps a stack of the open aggregates and never examines a byte twice: decoding takes linear time in the
/// size of a reply, however small the chunks are. Announced lengths do not cause allocations before the bytes arrive.
/// After an error the decoder must not be used again.
public struct RESPDecoder: Sendable {
    private let limits: RESPLimits
    var input = RESPInput()
    private var stack: [RESPFrame] = []
    private var pending = Pending.element
    /// The number of bytes of the current message that were consumed.
    private var messageLength = 0

    /// The next item to read.
    private enum Pending {
        /// A type byte and its line.
        case element
        /// The content of a string with a known length.
        case bulk(RESPBulkKind, length: Int)
        /// The chunk header of a string of unknown length.
        case chunkHeader(ByteBuffer)
        /// The content of a chunk.
        case chunk(ByteBuffer, length: Int)
    }

    /// Creates a decoder.
    ///
    /// - Parameter limits: The limits for the received data. Defaults to those of ``RESPLimits``.
    public init(limits: RESPLimits = RESPLimits()) {
        self.limits = limits
    }

    /// Adds received bytes. Large buffers are not copied where possible.
    public mutating func feed(_ bytes: consuming ByteBuffer) {
        input.append(bytes)
    }

    /// A Boolean value that indicates whether a message was received in part.
    public var isInsideMessage: Bool {
        input.readableBytes > 0 || messageLength > 0
    }

    /// Returns the bytes that were not consumed, for a decoder that replaces this one. Valid only between two messages.
    mutating func takeUnreadBytes() -> ByteBuffer? {
        input.takeAll()
    }

    /// Returns the next complete message, or `nil` if more bytes are required.
    /// - Throws: ``RESPDecodingError`` if the bytes are not valid RESP or exceed a limit.
    public mutating func next() throws(RESPDecodingError) -> RESPMessage? {
        while true {
            let before = input.readableBytes
            let step = try read()
            let after = input.readableBytes
            messageLength += before - after
            // Without a step, all unread bytes belong to the current message.
            guard messageLength <= limits.maxMessageLength - (step == nil ? after : 0) else {
                throw .init(.limitExceeded, "a message exceeds \(limits.maxMessageLength) bytes")
            }
            guard let step else { return nil }
            let message: RESPMessage?
            switch step {
            case .opened: message = nil
            case .message(let whole): message = whole
            case .value(let value): message = try close(value)
            }
            if let message {
                messageLength = 0
                return message
            }
        }
    }

    /// Reads one item. Returns `nil` if it is incomplete.
    private mutating func read() throws(RESPDecodingError) -> Step? {
        switch pending {
        case .element:
            return try readElement()
        case .bulk(let kind, let length):
            guard let content = try input.readBulk(length) else { return nil }
            pending = .element
            return .value(try kind.value(content))
        case .chunkHeader(let soFar):
            guard let length = try readChunkHeader() else { return nil }
            if length == 0 {
                pending = .element
                return .value(.bulkString(soFar))
            }
            guard length <= limits.maxBulkLength - soFar.readableBytes else {
                throw .init(.limitExceeded, "a streamed string exceeds \(limits.maxBulkLength) bytes")
            }
            pending = .chunk(soFar, length: length)
            return .opened
        case .chunk(var soFar, let length):
            guard let content = try input.readBulk(length) else { return nil }
            pending = .element  // releases the reference, so that writing does not copy
            soFar.writeImmutableBuffer(content)
            pending = .chunkHeader(soFar)
            return .opened
        }
    }

    // MARK: Elements

    private enum Step {
        case value(RESPValue)
        case message(RESPMessage)
        case opened
    }

    private mutating func readElement() throws(RESPDecodingError) -> Step? {
        guard let line = try input.readLine(limit: limits.maxLineLength) else { return nil }
        switch line.type {
        case UInt8(ascii: "$"):
            if line.isStreamed {
                pending = .chunkHeader(ByteBuffer())
                return .opened
            }
            return try openBulk(.bulk, line)
        case UInt8(ascii: ":"):
            return .value(.integer(try line.integer()))
        case UInt8(ascii: "+"):
            return .value(.simpleString(line.text))
        case UInt8(ascii: "-"):
            return .value(.simpleError(RESPError(line.text)))
        case UInt8(ascii: "*"): return try openAggregate(.array, line)
        case UInt8(ascii: "%"): return try openAggregate(.map, line)
        case UInt8(ascii: "~"): return try openAggregate(.set, line)
        case UInt8(ascii: ">"): return try openAggregate(.push, line)
        case UInt8(ascii: "|"): return try openAggregate(.attribute, line)
        case UInt8(ascii: "!"): return try openBulk(.error, line)
        case UInt8(ascii: "="): return try openBulk(.verbatim, line)
        case UInt8(ascii: "_"):
            guard line.text.isEmpty else { throw .init(.malformedValue, "null followed by text") }
            return .value(.null)
        case UInt8(ascii: "#"):
            switch line.text {
            case "t": return .value(.boolean(true))
            case "f": return .value(.boolean(false))
            default: throw .init(.malformedValue, "a boolean that is neither t nor f")
            }
        case UInt8(ascii: ","):
            guard let number = RESPNumber.double(line.text) else {
                throw .init(.malformedNumber, "an invalid double")
            }
            return .value(.double(number))
        case UInt8(ascii: "("):
            return .value(.bigNumber(try line.bigNumber()))
        case UInt8(ascii: "."):
            guard line.text.isEmpty, let frame = stack.last, frame.isStreamed, !frame.isHalfPair else {
                throw .init(.unexpectedType, "the end of a stream where none is open")
            }
            stack.removeLast()
            return try completed(frame)
        default:
            throw .init(.unknownType, "0x\(String(line.type, radix: 16)) is not a RESP type")
        }
    }

    private mutating func openBulk(_ kind: RESPBulkKind, _ line: RESPLine) throws(RESPDecodingError) -> Step {
        let length = try line.integer()
        if length == -1, kind == .bulk { return .value(.null) }
        guard length >= 0 else { throw .init(.malformedNumber, "a negative string length") }
        guard length <= limits.maxBulkLength else {
            throw .init(.limitExceeded, "a string of \(length) bytes exceeds \(limits.maxBulkLength)")
        }
        pending = .bulk(kind, length: length)
        return .opened
    }

    private mutating func openAggregate(_ kind: RESPFrame.Kind, _ line: RESPLine) throws(RESPDecodingError) -> Step {
        // RESP allows a push only between two replies; inside an aggregate it would leave a hole in the reply.
        if kind == .push, !stack.isEmpty { throw .init(.unexpectedType, "a push inside an aggregate") }
        guard stack.count < limits.maxDepth else {
            throw .init(.limitExceeded, "aggregates nest deeper than \(limits.maxDepth)")
        }
        if line.isStreamed {
            guard kind == .array || kind == .map || kind == .set else {
                throw .init(.unexpectedType, "a push or attribute of unknown length")
            }
            stack.append(RESPFrame(kind, remaining: nil))
            return .opened
        }
        let count = try line.integer()
        if count == -1, kind == .array { return .value(.null) }
        guard count >= 0 else { throw .init(.malformedNumber, "a negative element count") }
        // Half of the range, because a map entry is two values.
        guard count <= min(limits.maxAggregateCount, .max / 2) else {
            throw .init(.limitExceeded, "\(count) elements exceed \(limits.maxAggregateCount)")
        }
        let frame = RESPFrame(kind, remaining: kind.isPaired ? count * 2 : count)
        if count == 0 { return try completed(frame) }
        stack.append(frame)
        return .opened
    }

    private mutating func readChunkHeader() throws(RESPDecodingError) -> Int? {
        guard let line = try input.readLine(limit: limits.maxLineLength) else { return nil }
        guard line.type == UInt8(ascii: ";") else {
            throw .init(.unexpectedType, "a streamed string is not continued by a chunk")
        }
        let length = try line.integer()
        guard length >= 0 else { throw .init(.malformedNumber, "a negative chunk length") }
        return length
    }

    // MARK: Aggregates

    /// Adds a complete value to the innermost open aggregate, and closes all aggregates that it completes.
    private mutating func close(_ value: RESPValue) throws(RESPDecodingError) -> RESPMessage? {
        var value = value
        while true {
            guard let top = stack.indices.last else { return .reply(value) }
            guard stack[top].add(value, limit: limits.maxAggregateCount) else {
                throw .init(.limitExceeded, "a streamed aggregate exceeds \(limits.maxAggregateCount) elements")
            }
            guard stack[top].isComplete else { return nil }
            let frame = stack.removeLast()
            switch try completed(frame) {
            case .value(let aggregate): value = aggregate
            case .message(let message): return message
            case .opened: return nil
            }
        }
    }

    private func completed(_ frame: RESPFrame) throws(RESPDecodingError) -> Step {
        switch frame.kind {
        case .array: return .value(.array(frame.elements))
        case .set: return .value(.set(frame.elements))
        case .map: return .value(.map(frame.pairs))
        case .push:
            guard !frame.elements.isEmpty else { throw .init(.malformedValue, "a push without a kind") }
            return .message(.push(frame.elements))
        case .attribute:
            // An attribute inside an aggregate describes only the next element: it is dropped and not counted.
            return stack.isEmpty ? .message(.attribute(frame.pairs)) : .opened
        }
    }
}
