// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A property that an input of a fuzzer violates.
package struct PropertyViolation: Error, CustomStringConvertible {
    /// What should hold.
    package let description: String

    /// Creates an error.
    package init(_ description: String) { self.description = description }
}

/// Checks a property.
///
/// - Throws: ``PropertyViolation`` if it does not hold.
package func demand(_ isTrue: Bool, _ violation: @autoclosure () -> String) throws(PropertyViolation) {
    if !isTrue { throw PropertyViolation(violation()) }
}

/// An input of a fuzzer that is kept in `Fuzz/NAME/corpus`.
package struct FuzzInput: Sendable, CustomStringConvertible {
    /// The name of the file.
    package let description: String
    package let bytes: [UInt8]

    /// Returns the inputs that are kept for a target.
    ///
    /// - Parameter target: The folder of the target in `Fuzz`.
    package static func corpus(_ target: String) throws -> [FuzzInput] {
        let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fuzz/\(target)/corpus")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        try demand(!files.isEmpty, "there are no inputs in \(folder.path)")
        return try files.sorted { $0.path < $1.path }.map {
            FuzzInput(description: $0.lastPathComponent, bytes: Array(try Data(contentsOf: $0)))
        }
    }
}

/// The bytes of an input as decisions of a test.
package struct FuzzBytes {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// Returns a number below a bound. 0 after the end of the input.
    package mutating func number(below bound: Int) -> Int { Int(rest.popFirst() ?? 0) % bound }

    /// Returns whether a byte is odd.
    package mutating func bool() -> Bool { number(below: 2) == 1 }

    /// Returns a text of up to 15 bytes.
    package mutating func text() -> String {
        let count = number(below: 16)
        defer { rest = rest.dropFirst(count) }
        return String(decoding: rest.prefix(count), as: UTF8.self)
    }
}

/// Places a secret in texts, so that it can be searched for in what is printed.
package enum PlantedSecret {
    /// A text that occurs nowhere else.
    package static let text = "ZqXjW"

    /// Returns a text with the secret at a position, which is counted in bytes and starts again at the end.
    package static func insert(into text: String, at position: Int) -> String {
        let bytes = text.utf8
        var index = bytes.index(bytes.startIndex, offsetBy: position % (bytes.count + 1))
        // Not inside a character.
        while index > text.startIndex, String.Index(index, within: text.unicodeScalars) == nil {
            index = bytes.index(before: index)
        }
        return text[..<index] + Self.text + text[index...]
    }

    /// Returns the range of a URL's password: what is between the first colon of the credentials and the last `@`.
    ///
    /// This is how people read a URL: a password with characters that should have been escaped is a frequent mistake.
    package static func password(of url: String) -> Range<String.Index>? {
        guard let scheme = url.range(of: "://"), let end = url.lastIndex(of: "@"), end >= scheme.upperBound,
            let colon = url[scheme.upperBound..<end].firstIndex(of: ":"),
            !url[scheme.upperBound..<colon].contains(where: { "/?#@".contains($0) })
        else { return nil }
        return url.index(after: colon)..<end
    }

    /// Returns a URL with the secret in its password, and in its parameter `password` or one whose name ends so.
    /// `nil` if it has none of them, or contains the secret already.
    package static func insert(intoPasswordsOf url: String, at position: Int) -> String? {
        guard !url.contains(text) else { return nil }
        var result = url
        var isPlaced = false
        // In a URL, parameters follow a question mark; elsewhere, they are separated by spaces.
        let separators = url.contains("://") ? "?&_" : " "
        if let parameter = url.range(of: "password=", options: .backwards),
            url[..<parameter.lowerBound].last.map({ separators.contains($0) }) ?? true,
            !url.contains("://") || url[..<parameter.lowerBound].contains("?")
        {
            result = url[..<parameter.upperBound] + text + url[parameter.upperBound...]
            isPlaced = true
        }
        if let range = password(of: result) {
            result =
                result[..<range.lowerBound] + insert(into: String(result[range]), at: position)
                + result[range.upperBound...]
            isPlaced = true
        }
        return isPlaced ? result : nil
    }
}
