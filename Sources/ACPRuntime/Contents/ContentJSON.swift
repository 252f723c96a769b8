// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Foundation

/// Takes large contents out of JSON and puts them back, in the bytes themselves.
///
/// Both look for the beginning of a member, such as `"content":"`. These bytes cannot be found within a string, where quotes are
/// escaped. What is written by somebody else and has blanks between name and value is not found, going out or coming back, and so
/// stays as it is.
struct ContentJSON {
    private static let content = BytePattern(#""content":""#)
    private static let reference = BytePattern("\"content_url\":\"\(ContentReference.scheme)")
    private static let ownMark = Array(ContentReference.ownMark.utf8)
    /// No document that holds a reference is shorter.
    private static let shortest = reference.count + ownMark.count

    /// Whether there is a member that may be a reference: what nearly all documents have not.
    static func mayRefer(_ json: [UInt8]) -> Bool {
        json.count >= shortest && json.withUnsafeBytes { reference.position(in: $0, from: 0) != nil }
    }

    /// The document with references in the place of contents of more than `limit` bytes, or nil if there is nothing to change.
    ///
    /// - Parameters:
    ///   - limit: Nil for none: then only URLs that look like references are changed.
    ///   - add: Gets each content that is taken out.
    static func reduce(_ json: [UInt8], limit: Int?, _ add: (ContentReference, ArraySlice<UInt8>) -> Void) -> [UInt8]? {
        var edits = ownURLs(in: json)
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

    /// The references in a document.
    static func references(in json: [UInt8]) -> [ContentReference] {
        found(in: json).compactMap { if case .reference(let reference) = $0.what { reference } else { nil } }
    }

    /// How many bytes a document has when its contents have been put back.
    static func wholeSize(of json: [UInt8]) -> Int {
        guard mayRefer(json) else { return json.count }
        return references(in: json).reduce(json.count) { $0 + $1.size }
    }

    /// The document with contents in the place of references, and URLs as their authors wrote them.
    static func restore(
        _ json: [UInt8], _ content: (ContentReference) throws(StorageError) -> [UInt8]
    ) throws(StorageError) -> [UInt8] {
        var edits: [Edit] = []
        for place in found(in: json) {
            switch place.what {
            case .ownURL: edits.append(Edit(range: place.range, bytes: []))
            case .reference(let reference):
                edits.append(Edit(range: place.range, bytes: Self.content.bytes + (try content(reference))))
            }
        }
        return edits.isEmpty ? json : apply(edits, to: json)
    }

    // MARK: Finding

    private struct Place {
        enum What {
            case ownURL
            case reference(ContentReference)
        }
        let what: What
        /// What is replaced: the mark, or all of the member up to the quote at its end.
        let range: Range<Int>
    }

    private static func found(in json: [UInt8]) -> [Place] {
        json.withUnsafeBytes { bytes in
            var places: [Place] = []
            var start = 0
            while let position = reference.position(in: bytes, from: start) {
                start = position + reference.count
                if bytes[start...].starts(with: ownMark) {
                    places.append(Place(what: .ownURL, range: start..<start + ownMark.count))
                } else if let end = bytes.closingQuote(from: start),
                    let reference = ContentReference(bytes[start..<end])
                {
                    places.append(Place(what: .reference(reference), range: position..<end))
                }
            }
            return places
        }
    }

    /// Where the mark belongs in URLs that begin like references.
    private static func ownURLs(in json: [UInt8]) -> [Edit] {
        guard json.count >= reference.count else { return [] }
        return json.withUnsafeBytes { bytes in
            var edits: [Edit] = []
            var start = 0
            while let position = reference.position(in: bytes, from: start) {
                start = position + reference.count
                edits.append(Edit(range: start..<start, bytes: ownMark))
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
