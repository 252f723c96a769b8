// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The unread bytes of a connection.
///
/// Strings are handed out as slices of the storage. Writing into storage that slices refer to would copy all of it, so
/// the unread tail moves to a storage of its own first: each byte moves at most once for that reason, plus the usual
/// amortised growth while one long string arrives.
struct RESPInput: Sendable {
    private var buffer = ByteBuffer()
    /// Slices of the current storage were handed out.
    private var isShared = false
    /// Bytes after the reader index that are known to hold no line feed.
    private var scanned = 0

    var readableBytes: Int { self.buffer.readableBytes }

    mutating func append(_ bytes: consuming ByteBuffer) {
        if self.buffer.readableBytes == 0 {
            self.buffer = bytes
            self.isShared = true
        } else if self.isShared {
            var joined = ByteBuffer()
            joined.reserveCapacity(self.buffer.readableBytes + bytes.readableBytes)
            joined.writeImmutableBuffer(self.buffer)
            joined.writeImmutableBuffer(bytes)
            self.buffer = joined
            self.isShared = false
        } else {
            // Moving the unread bytes to the front pays off only if that frees more than it moves.
            if self.buffer.readerIndex > self.buffer.readableBytes { self.buffer.discardReadBytes() }
            self.buffer.writeImmutableBuffer(bytes)
        }
    }

    mutating func takeAll() -> ByteBuffer? {
        guard self.buffer.readableBytes > 0 else { return nil }
        defer { self = RESPInput() }
        return self.buffer
    }

    /// Reads a type byte and the rest of its line.
    mutating func readLine(limit: Int) throws(RESPDecodingError) -> RESPLine? {
        let start = self.scanned
        // The length of the line with its type byte and CR, or nil if its line feed is still to come.
        let found: Int? = self.buffer.withUnsafeReadableBytes { bytes in
            let end = min(bytes.count, limit &+ 3)
            var index = start
            while index < end {
                if bytes[index] == UInt8(ascii: "\n") { return index }
                index &+= 1
            }
            return nil
        }
        guard let found else {
            self.scanned = self.buffer.readableBytes
            guard self.scanned < limit &+ 3 else { throw .init(.limitExceeded, "a line exceeds \(limit) bytes") }
            return nil
        }
        self.scanned = 0
        guard let line = self.buffer.readSlice(length: found + 1), let result = RESPLine(line) else {
            throw .init(.missingTerminator, "a line that does not end with CR LF")
        }
        return result
    }

    /// Reads a string of a known length and its CR LF.
    mutating func readBulk(_ length: Int) throws(RESPDecodingError) -> ByteBuffer? {
        guard self.buffer.readableBytes - 2 >= length else { return nil }
        let end = self.buffer.readerIndex + length
        guard self.buffer.getInteger(at: end, as: UInt16.self) == 0x0D0A,
            let content = self.buffer.readSlice(length: length)
        else {
            throw .init(.missingTerminator, "a string that is longer than its length says")
        }
        self.buffer.moveReaderIndex(forwardBy: 2)
        self.isShared = true
        return content
    }
}

/// A type byte and the text up to CR LF.
struct RESPLine {
    let type: UInt8
    private let content: ByteBuffer

    /// Nil unless the bytes are a type, any text, CR and LF.
    init?(_ line: consuming ByteBuffer) {
        var line = line
        guard line.readableBytes >= 3, line.getInteger(at: line.writerIndex - 2, as: UInt8.self) == 0x0D,
            let type = line.readInteger(as: UInt8.self)
        else { return nil }
        line.moveWriterIndex(to: line.writerIndex - 2)
        self.type = type
        self.content = line
    }

    var text: String { String(buffer: self.content) }

    var isStreamed: Bool {
        self.content.readableBytes == 1
            && self.content.getInteger(at: self.content.readerIndex, as: UInt8.self) == UInt8(ascii: "?")
    }

    func integer() throws(RESPDecodingError) -> Int {
        guard let number = self.content.withUnsafeReadableBytes({ RESPNumber.integer($0) }) else {
            throw .init(.malformedNumber, "a number that is not a 64-bit integer")
        }
        return number
    }

    func bigNumber() throws(RESPDecodingError) -> String {
        let digits = self.text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
        guard !digits.isEmpty, self.text.utf8.count - digits.count <= 1,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { throw .init(.malformedNumber, "a big number that is none") }
        return self.text
    }
}
