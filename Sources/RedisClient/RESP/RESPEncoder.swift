// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes commands in the one form that servers accept from clients: an array of bulk strings.
enum RESPEncoder {
    static func write(_ command: RedisCommand, to buffer: inout ByteBuffer) {
        self.writeHeader(UInt8(ascii: "*"), 1 + command.arguments.count, to: &buffer)
        self.write(command.name, to: &buffer)
        self.write(command.arguments[...], to: &buffer)
    }

    /// Writes a script command with the source of the script in the place of its digest.
    static func writeWithSource(_ command: RedisCommand, _ script: RedisScript, to buffer: inout ByteBuffer) {
        self.writeHeader(UInt8(ascii: "*"), 1 + command.arguments.count, to: &buffer)
        self.write("EVAL", to: &buffer)
        self.write(script.source, to: &buffer)
        self.write(command.arguments.dropFirst(), to: &buffer)
    }

    private static func write(_ arguments: ArraySlice<RedisArgument>, to buffer: inout ByteBuffer) {
        for argument in arguments {
            switch argument.storage {
            case .string(let text): self.write(text, to: &buffer)
            case .integer(let number): self.write(String(number), to: &buffer)
            case .double(let number): self.write(number.respText, to: &buffer)
            case .buffer(let bytes):
                self.writeHeader(UInt8(ascii: "$"), bytes.readableBytes, to: &buffer)
                buffer.writeImmutableBuffer(bytes)
                buffer.writeInteger(0x0D0A as UInt16)
            case .bytes(let bytes):
                self.writeHeader(UInt8(ascii: "$"), bytes.count, to: &buffer)
                buffer.writeBytes(bytes)
                buffer.writeInteger(0x0D0A as UInt16)
            }
        }
    }

    private static func write(_ text: String, to buffer: inout ByteBuffer) {
        self.writeHeader(UInt8(ascii: "$"), text.utf8.count, to: &buffer)
        buffer.writeString(text)
        buffer.writeInteger(0x0D0A as UInt16)
    }

    /// A type byte, a count and CR LF.
    private static func writeHeader(_ type: UInt8, _ count: Int, to buffer: inout ByteBuffer) {
        if count < 10 {
            let digit = UInt32(UInt8(ascii: "0")) + UInt32(count)
            buffer.writeInteger(UInt32(type) << 24 | digit << 16 | 0x0D0A)
        } else if count < 100 {
            let tens = UInt32(UInt8(ascii: "0")) + UInt32(count / 10)
            let ones = UInt32(UInt8(ascii: "0")) + UInt32(count % 10)
            buffer.writeInteger(UInt32(type) << 24 | tens << 16 | ones << 8 | 0x0D)
            buffer.writeInteger(0x0A as UInt8)
        } else {
            buffer.writeInteger(type)
            buffer.writeString(String(count))
            buffer.writeInteger(0x0D0A as UInt16)
        }
    }
}
