// SPDX-License-Identifier: Apache-2.0

extension Timestamp: Codable, JSONReadable, JSONWritable {
    private static func refusal(of text: String) -> String {
        "\"\(text.prefix(64))\" is not an RFC 3339 timestamp such as 2025-05-07T11:22:33.123456Z"
    }

    /// Reads the usual form without creating a string.
    package init(json reader: inout JSONReader) throws(JSONFault) {
        let text = try reader.text()
        if text.isPlain, let value = Timestamp(utf8: reader.rebased(text.range)) {
            self = value
            return
        }
        let string = try reader.string(of: text)
        guard let value = Timestamp(string) else { throw JSONFault(.invalid(Self.refusal(of: string))) }
        self = value
    }

    package func write(to writer: inout JSONWriter) { writer.plainString(atMost: Self.longest, write(to:)) }

    /// Creates a timestamp from RFC 3339 text in any decoder.
    ///
    /// - Throws: `DecodingError`, also if the text is not a timestamp.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let value = Timestamp(text) else {
            throw DecodingError.invalid(Self.refusal(of: text), at: decoder.codingPath)
        }
        self = value
    }

    /// Encodes the timestamp as RFC 3339 text to any encoder.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
