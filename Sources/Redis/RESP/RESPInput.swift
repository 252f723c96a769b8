// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The unread bytes of a connection.
///
/// Strings are returned as slices of the storage. Writing to storage that slices refer to would copy all of it, so the
/// unread bytes are moved to new storage first: each byte is moved at most once for that reason, plus the amortized
/// growth while one long string arrives.
struct RESPInput: Sendable {
    private var buffer = ByteBuffer()
    /// Whether slices of the current storage were returned.
    private var isShared = false
    /// The number of bytes after the reader index that are known not to contain a line feed.
    private var scanned = 0
    /// The number of bytes that were searched or moved. Tests use it to verify linear time.
    private(set) var processedBytes = 0

    var readableBytes: Int { buffer.readableBytes }

    mutating func append(_ bytes: consuming ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
            isShared = true
        } else if isShared {
            processedBytes += buffer.readableBytes + bytes.readableBytes
            var joined = ByteBuffer()
            joined.reserveCapacity(buffer.readableBytes + bytes.readableBytes)
            joined.writeImmutableBuffer(buffer)
            joined.writeImmutableBuffer(bytes)
            buffer = joined
            isShared = false
        } else {
            // Moving the unread bytes to the front is worthwhile only if that frees more than it moves.
            if buffer.readerIndex > buffer.readableBytes {
                processedBytes += buffer.readableBytes
                buffer.discardReadBytes()
            }
            processedBytes += bytes.readableBytes
            buffer.writeImmutableBuffer(bytes)
        }
    }

    mutating func takeAll() -> ByteBuffer? {
        guard buffer.readableBytes > 0 else { return nil }
        defer { self = RESPInput() }
        return buffer
    }

    /// Reads a type byte and the rest of its line.
    mutating func readLine(limit: Int) throws(RESPDecodingError) -> RESPLine? {
        let start = scanned
        var end: Int?
        var line: RESPLine?
        buffer.withUnsafeReadableBytes { bytes in
            let last = min(bytes.count, limit &+ 3)
            var index = start
            while index < last {
                if bytes[index] == UInt8(ascii: "\n") {
                    end = index
                    line = RESPLine(bytes[..<index])
                    return
                }
                index &+= 1
            }
        }
        processedBytes += (end ?? buffer.readableBytes) - start
        guard let end else {
            scanned = buffer.readableBytes
            guard scanned < limit &+ 3 else { throw .init(.limitExceeded, "a line exceeds \(limit) bytes") }
            return nil
        }
        scanned = 0
        buffer.moveReaderIndex(forwardBy: end + 1)
        guard let line else { throw .init(.missingTerminator, "a line that does not end with CR LF") }
        return line
    }

    /// Reads a string of a known length and its CR LF.
    mutating func readBulk(_ length: Int) throws(RESPDecodingError) -> ByteBuffer? {
        guard buffer.readableBytes - 2 >= length else { return nil }
        let end = buffer.readerIndex + length
        guard buffer.getInteger(at: end, as: UInt16.self) == 0x0D0A,
            let content = buffer.readSlice(length: length)
        else {
            throw .init(.missingTerminator, "a string that is longer than its announced length")
        }
        buffer.moveReaderIndex(forwardBy: 2)
        isShared = true
        return content
    }
}

/// A type byte and the rest of its line. Created in one pass over the bytes, without a slice of them.
struct RESPLine {
    private enum Content {
        case number(Int)
        case malformedNumber
        case streamed
        case text(String)
    }

    let type: UInt8
    private let content: Content

    /// Parses the bytes before a line feed. Returns `nil` unless they are a type byte, any text and CR.
    init?(_ line: Slice<UnsafeRawBufferPointer>) {
        guard line.count >= 2, line.last == UInt8(ascii: "\r") else { return nil }
        let type = line[line.startIndex]
        let body = UnsafeRawBufferPointer(rebasing: line.dropFirst().dropLast())
        self.type = type
        switch type {
        case UInt8(ascii: "$"), UInt8(ascii: "*"), UInt8(ascii: ":"), UInt8(ascii: "%"), UInt8(ascii: "~"),
            UInt8(ascii: ">"), UInt8(ascii: "|"), UInt8(ascii: "!"), UInt8(ascii: "="), UInt8(ascii: ";"):
            if let number = RESPNumber.integer(body) {
                content = .number(number)
            } else {
                content = body.count == 1 && body[0] == UInt8(ascii: "?") ? .streamed : .malformedNumber
            }
        default:
            content = .text(String(decoding: body, as: UTF8.self))
        }
    }

    /// The text, for types that are neither a number nor a length.
    var text: String {
        if case .text(let text) = content { text } else { "" }
    }

    /// Whether the length is unknown.
    var isStreamed: Bool {
        if case .streamed = content { true } else { false }
    }

    func integer() throws(RESPDecodingError) -> Int {
        guard case .number(let number) = content else {
            throw .init(.malformedNumber, "a number that is not a 64-bit integer")
        }
        return number
    }

    func bigNumber() throws(RESPDecodingError) -> String {
        let text = self.text
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        guard !digits.isEmpty, text.utf8.count - digits.count <= 1,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { throw .init(.malformedNumber, "an invalid big number") }
        return text
    }
}
