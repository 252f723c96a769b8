// SPDX-License-Identifier: Apache-2.0

import ACPCore
import Foundation

/// The error of writing to a closed pipe.
struct BrokenPipe: Error {}

/// The standard output and the standard error. Output is not buffered, so that streams are shown at once.
enum Console {
    /// Whether the standard input and output are a terminal, so that the user can answer questions.
    static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    /// Whether output is colored: on terminals, unless `NO_COLOR` is set (https://no-color.org).
    static let showsColor = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    /// Writes a line to the standard output.
    static func print(_ text: String = "") throws { try write(text + "\n") }

    /// Writes to the standard output.
    static func write(_ text: String) throws { try write(Array(text.utf8), to: STDOUT_FILENO) }

    /// Writes a value as one line of JSON.
    static func print(json value: some Encodable) throws {
        try write(try ACPJSON.encode(value) + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
    }

    /// Writes a value as indented JSON.
    static func print(document value: some Encodable) throws {
        try write(try ACPJSON.encode(value).indentedJSON + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
    }

    /// Writes a line that is not a result to the standard error.
    static func note(_ text: String) { try? write(Array((text + "\n").utf8), to: STDERR_FILENO) }

    static func error(_ text: String) { note("error: \(text)") }

    private static func write(_ bytes: [UInt8], to descriptor: CInt) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                usleep(1_000)
            } else if errno != EINTR {
                throw BrokenPipe()
            }
        }
    }
}

/// The styles of text on a terminal.
enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"

    func callAsFunction(_ text: String) -> String {
        Console.showsColor ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    /// The text with control characters replaced, except tabs and line breaks, so that text from a server cannot
    /// control the terminal.
    var printable: String {
        guard unicodeScalars.contains(where: \.isControl) else { return self }
        return String(
            String.UnicodeScalarView(
                unicodeScalars.map { $0.isControl ? Unicode.Scalar(0xFFFD).unsafelyUnwrapped : $0 }))
    }

    /// Returns the first line, truncated to a length.
    func summary(_ length: Int = 60) -> String {
        let line = printable.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return line.count > length ? line.prefix(length - 1) + "…" : line
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch value {
        case 0x09, 0x0A: false
        case 0x00..<0x20, 0x7F..<0xA0: true
        default: false
        }
    }
}
