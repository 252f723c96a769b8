// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// Bytes, which are base64 in JSON.
package struct ProtoBytes: JSONReadable, JSONWritable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        let text = try reader.text()
        let bytes: [UInt8]? =
            text.isPlain ? Base64.bytes(reader.rebased(text.range)) : Base64.bytes(try reader.string(of: text))
        guard let bytes else { throw JSONFault(.invalid("base64 is expected")) }
        self.bytes = bytes
    }

    package func write(to writer: inout JSONWriter) {
        writer.plainString(count: Base64.count(of: bytes.count)) { text in
            bytes.withUnsafeBytes { Base64.write($0, to: text) }
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let bytes = Base64.bytes(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "base64 is expected")
        }
        self.bytes = bytes
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Base64.text(bytes))
    }
}
