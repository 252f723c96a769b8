// SPDX-License-Identifier: Apache-2.0

import CPlaygroundPage
import Crypto
import NIOCore

/// A file of the page, as it is sent to browsers.
struct PageFile: Sendable {
    /// The path below `/playground/`.
    let path: String
    let contentType: String
    private let bytes: ByteBuffer
    private let compressed: ByteBuffer?
    /// The strong entity tag of the bytes. Both encodings are sent with the weak one of the same text.
    let tag: String

    /// All files by their paths. They are part of the program, and are compressed when the first one is requested.
    static let all: [String: PageFile] = {
        let files = UnsafeBufferPointer(start: playground_page_files_start(), count: playground_page_file_count)
        return Dictionary(uniqueKeysWithValues: files.map(PageFile.init).map { ($0.path, $0) })
    }()

    private init(_ file: playground_page_file) {
        path = String(cString: file.path)
        contentType = Self.contentType(of: path)
        let source = UnsafeBufferPointer(start: file.bytes, count: file.length)
        bytes = ByteBuffer(bytes: source)
        tag = "\"\(SHA256.hash(data: UnsafeRawBufferPointer(source)).prefix(12).map(Self.hexadecimal).joined())\""
        let capacity = playground_page_gzip_bound(source.count)
        let packed = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            count = playground_page_gzip(source.baseAddress, source.count, buffer.baseAddress, capacity)
        }
        // An empty result means that there was not enough memory: the file is then sent as it is.
        compressed = packed.isEmpty ? nil : ByteBuffer(bytes: packed)
    }

    /// Returns the bytes to send, and whether they are compressed.
    func body(acceptsGzip: Bool) -> (bytes: ByteBuffer, isCompressed: Bool) {
        if acceptsGzip, let compressed { return (compressed, true) }
        return (bytes, false)
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return byte < 16 ? "0" + digits : digits
    }

    private static func contentType(of path: String) -> String {
        switch path.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }
}
