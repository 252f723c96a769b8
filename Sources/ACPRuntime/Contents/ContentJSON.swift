// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// Replaces large contents in JSON by references, and restores them, without decoding it.
///
/// Both search for the start of a member, such as `"content":"`. These bytes cannot occur within a string, where quotes
/// are escaped. JSON of another writer that has spaces between name and value is found by neither, and so stays
/// unchanged.
struct ContentJSON {
    private static let content = BytePattern(#""content":""#)
    private static let reference = BytePattern("\"content_url\":\"\(ContentReference.scheme)")
    private static let escapePrefix = Array(ContentReference.escapePrefix.utf8)
    /// No document that contains a reference is shorter.
    private static let shortest = reference.count + escapePrefix.count

    /// Whether the document may contain a reference, which nearly no document does.
    static func canContainReferences(_ json: [UInt8]) -> Bool {
        json.count >= shortest && json.withUnsafeBytes { reference.position(in: $0, from: 0) != nil }
    }

    /// Returns the document with references in place of contents of more than `limit` bytes, or `nil` if nothing is to
    /// be changed.
    ///
    /// - Parameters:
    ///   - limit: If `nil`, only URLs that look like references are changed.
    ///   - add: Receives each content that was replaced.
    static func reduce(_ json: [UInt8], limit: Int?, _ add: (ContentReference, ArraySlice<UInt8>) -> Void) -> [UInt8]? {
        var edits = escapes(in: json)
        if let limit, json.count > limit {
            edits += contents(in: json, longerThan: limit).map { member, content in
                let reference = ContentReference(to: json[content])
                add(reference, json[content])
                return Edit(
                    range: member.lowerBound..<content.upperBound,
                    bytes: Array("\"content_url\":\"\(reference.url)".utf8))
            }
        }
        return edits.isEmpty ? nil : apply(edits, to: json)
    }

    /// Returns the references in a document.
    static func references(in json: [UInt8]) -> [ContentReference] {
        found(in: json).compactMap { if case .reference(let reference) = $0.what { reference } else { nil } }
    }

    /// Returns the number of bytes of a document when its contents are restored.
    static func wholeSize(of json: [UInt8]) -> Int {
        guard canContainReferences(json) else { return json.count }
        return references(in: json).reduce(json.count) { $0 + $1.size }
    }

    /// Returns the document with contents in place of references, and URLs as their authors wrote them.
    static func restore(
        _ json: [UInt8], _ content: (ContentReference) throws(StorageError) -> [UInt8]
    ) throws(StorageError) -> [UInt8] {
        var edits: [Edit] = []
        for place in found(in: json) {
            switch place.what {
            case .escapedURL: edits.append(Edit(range: place.range, bytes: []))
            case .reference(let reference):
                edits.append(Edit(range: place.range, bytes: Self.content.bytes + (try content(reference))))
            }
        }
        return edits.isEmpty ? json : apply(edits, to: json)
    }

    // MARK: Finding

    private struct Place {
        enum What {
            case escapedURL
            case reference(ContentReference)
        }
        let what: What
        /// The range to replace: the escape prefix, or the member up to the quote at its end.
        let range: Range<Int>
    }

    private static func found(in json: [UInt8]) -> [Place] {
        json.withUnsafeBytes { bytes in
            var places: [Place] = []
            var start = 0
            while let position = reference.position(in: bytes, from: start) {
                start = position + reference.count
                if bytes[start...].starts(with: escapePrefix) {
                    places.append(Place(what: .escapedURL, range: start..<start + escapePrefix.count))
                } else if let end = bytes.closingQuote(from: start),
                    let reference = ContentReference(bytes[start..<end])
                {
                    places.append(Place(what: .reference(reference), range: position..<end))
                }
            }
            return places
        }
    }

    /// Returns the edits that escape URLs which start like references.
    private static func escapes(in json: [UInt8]) -> [Edit] {
        guard json.count >= reference.count else { return [] }
        return json.withUnsafeBytes { bytes in
            var edits: [Edit] = []
            var start = 0
            while let position = reference.position(in: bytes, from: start) {
                start = position + reference.count
                edits.append(Edit(range: start..<start, bytes: escapePrefix))
            }
            return edits
        }
    }

    private static func contents(
        in json: [UInt8], longerThan limit: Int
    ) -> [(member: Range<Int>, content: Range<Int>)] {
        json.withUnsafeBytes { bytes in
            var found: [(member: Range<Int>, content: Range<Int>)] = []
            var start = 0
            while let position = content.position(in: bytes, from: start) {
                let first = position + content.count
                guard let end = bytes.closingQuote(from: first) else { break }
                if end - first > limit { found.append((position..<end, first..<end)) }
                start = end
            }
            return found
        }
    }

    // MARK: Changing

    private struct Edit {
        let range: Range<Int>
        let bytes: [UInt8]
    }

    private static func apply(_ edits: [Edit], to json: [UInt8]) -> [UInt8] {
        var changed: [UInt8] = []
        changed.reserveCapacity(edits.reduce(json.count) { $0 + $1.bytes.count - $1.range.count })
        var start = 0
        for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            changed += json[start..<edit.range.lowerBound]
            changed += edit.bytes
            start = edit.range.upperBound
        }
        return changed + json[start...]
    }
}
