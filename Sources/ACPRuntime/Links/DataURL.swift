// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A URL that contains its content (RFC 2397): `data:text/plain;base64,SGVsbG8=`.
enum DataURL {
    /// Returns the content of a `data:` URL, or `nil` if this is another URL.
    ///
    /// - Throws: ``LinkError`` if it is invalid.
    static func resource(of url: String) throws(LinkError) -> LoadedResource? {
        guard url.prefix(5).lowercased() == "data:" else { return nil }
        let rest = url.dropFirst(5)
        guard let comma = rest.firstIndex(of: ",") else {
            throw LinkError(.invalidURL, "the data: URL has no comma before its content")
        }
        var type = rest[..<comma]
        let content = rest[rest.index(after: comma)...]
        let isBase64 = type.lowercased().hasSuffix(";base64")
        if isBase64 { type = type.dropLast(7) }
        guard var bytes = unescaped(content.utf8) else {
            throw LinkError(.invalidURL, "the data: URL contains a % that is not followed by two hexadecimal digits")
        }
        if isBase64 {
            guard let decoded = Data(base64Encoded: Data(bytes)) else {
                throw LinkError(.invalidURL, "the content of the data: URL is not valid base64 (RFC 4648 with padding)")
            }
            bytes = [UInt8](decoded)
        }
        // The default of RFC 2397.
        let contentType = type.isEmpty ? "text/plain;charset=US-ASCII" : type.first == ";" ? "text/plain" + type : type
        return LoadedResource(bytes: bytes, contentType: String(contentType))
    }

    private static func unescaped(_ text: Substring.UTF8View) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
