// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes commands in the only form that servers accept: an array of bulk strings.
enum RESPEncoder {
    static func write(_ command: RedisCommand, to buffer: inout ByteBuffer) {
        write(command.name, nil, command.arguments[...], to: &buffer)
    }

    /// Writes a script command with the source of the script in place of its digest.
    static func writeWithSource(_ command: RedisCommand, _ script: RedisScript, to buffer: inout ByteBuffer) {
        write("EVAL", script.source, command.arguments.dropFirst(), to: &buffer)
    }

    private static func write(
        _ name: String, _ first: String?, _ arguments: ArraySlice<RedisArgument>, to buffer: inout ByteBuffer
    ) {
        var limit = 2 * framing + name.utf8.count + (first.map { $0.utf8.count + framing } ?? 0)
        for argument in arguments { limit += argument.byteLimit + framing }
        // The capacity is checked once per command. The limit counts every part, so nothing is written beyond it.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { bytes in
            var writer = Writer(bytes: bytes)
            writer.header(UInt8(ascii: "*"), 1 + (first == nil ? 0 : 1) + arguments.count)
            writer.bulk(name)
            if let first { writer.bulk(first) }
            for argument in arguments { writer.bulk(argument) }
            return writer.count
        }
    }

    /// The maximum framing of an argument: a type byte, a count of up to 19 digits, and CR LF twice.
    private static let framing = 1 + 19 + 2 + 2

    /// Writes to memory of sufficient size. It must not outlive the closure that it is created in.
    private struct Writer {
        let bytes: UnsafeMutableRawBufferPointer
        var count = 0

        mutating func bulk(_ argument: RedisArgument) {
            switch argument.storage {
            case .string(let text): self.bulk(text)
            case .integer(let number): self.bulk(number)
            case .double(let number): self.bulk(number.respText)
            case .buffer(let content): content.withUnsafeReadableBytes { self.bulk($0) }
            case .bytes(let content): content.withUnsafeBytes { self.bulk($0) }
            }
        }

        mutating func bulk(_ text: String) {
            var text = text
            text.withUTF8 { self.bulk(UnsafeRawBufferPointer($0)) }
        }

        private mutating func bulk(_ content: UnsafeRawBufferPointer) {
            self.header(UInt8(ascii: "$"), content.count)
            UnsafeMutableRawBufferPointer(rebasing: self.bytes[self.count...]).copyMemory(from: content)
            self.count += content.count
            self.lineEnd()
        }

        private mutating func bulk(_ number: Int) {
            let magnitude = number.magnitude
            self.header(UInt8(ascii: "$"), Self.digits(of: magnitude) + (number < 0 ? 1 : 0))
            if number < 0 { self.byte(UInt8(ascii: "-")) }
            self.decimal(magnitude)
            self.lineEnd()
        }

        /// Writes a type byte, a count and CR LF.
        mutating func header(_ type: UInt8, _ count: Int) {
            self.byte(type)
            self.decimal(count.magnitude)
            self.lineEnd()
        }

        private mutating func decimal(_ number: UInt) {
            let end = self.count + Self.digits(of: number)
            var rest = number
            for position in stride(from: end - 1, through: self.count, by: -1) {
                self.bytes[position] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            self.count = end
        }

        private static func digits(of number: UInt) -> Int {
            var digits = 1
            var rest = number
            while rest >= 10 {
                digits += 1
                rest /= 10
            }
            return digits
        }

        private mutating func byte(_ byte: UInt8) {
            self.bytes[self.count] = byte
            self.count += 1
        }

        private mutating func lineEnd() {
            self.byte(0x0D)
            self.byte(0x0A)
        }
    }
}

extension RedisArgument {
    /// The maximum number of bytes on the wire, without the framing.
    fileprivate var byteLimit: Int {
        switch storage {
        case .string(let text): text.utf8.count
        case .integer: 20
        case .double(let number): number.respText.utf8.count
        case .buffer(let bytes): bytes.readableBytes
        case .bytes(let bytes): bytes.count
        }
    }
}
