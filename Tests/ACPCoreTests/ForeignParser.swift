// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ACPCore

/// Foundation's parser, which is independent of this package, as a second opinion on what is JSON.
///
/// It accepts commas at the end of arrays and objects, it uses another of several members with the same name, it has no
/// integers of more than 64 bits, and it does not check everything.
enum ForeignParser {
    static func compare(_ json: [UInt8]) {
        // It is slow: only a part of a long document is checked.
        guard json.count < 300 || json.count.isMultiple(of: 4) else { return }
        func text() -> String { String(decoding: json.prefix(2_000), as: UTF8.self) }
        let ours = try? ACPJSON.decode(JSONValue.self, from: json)
        let theirs = try? JSONDecoder().decode(JSONValue.self, from: Data(json))
        switch (ours, theirs) {
        case (nil, nil): break
        case (let ours?, let theirs?):
            if memberCount(ours) == colons(json) { #expect(agree(ours, theirs), "another value of \(text())") }
        case (let ours?, nil):
            #expect(isBeyondFoundation(ours), "Foundation refuses \(text())")
        case (nil, let theirs?):
            // It checks only one of several members with the same name.
            let hasDuplicates = memberCount(theirs) < colons(json)
            #expect(hasTrailingComma(json) || isTooDeep(json) || hasDuplicates, "only Foundation reads \(text())")
        }
    }

    private static func agree(_ ours: JSONValue, _ theirs: JSONValue) -> Bool {
        switch (ours, theirs) {
        case (.array(let ours), .array(let theirs)):
            return ours.count == theirs.count && zip(ours, theirs).allSatisfy(agree)
        case (.object(let ours), .object(let theirs)):
            return ours.count == theirs.count
                && ours.allSatisfy { member in theirs[member.key].map { agree(member.value, $0) } ?? false }
        default:
            guard let number = ours.doubleValue else { return ours == theirs }
            // Foundation truncates the fraction of large numbers.
            return theirs.doubleValue.map { $0 == number || abs($0 - number) <= abs(number) * 1e-15 } ?? false
        }
    }

    /// The number of members. Names that are equal as Swift strings count once, as in Foundation's dictionaries.
    private static func memberCount(_ value: JSONValue) -> Int {
        switch value {
        case .array(let elements): elements.reduce(0) { $0 + memberCount($1) }
        case .object(let members): members.reduce(Set(members.keys).count) { $0 + memberCount($1.value) }
        default: 0
        }
    }

    /// Integers that a Double does not represent exactly.
    private static func isBeyondFoundation(_ value: JSONValue) -> Bool {
        switch value {
        case .array(let elements): elements.contains(where: isBeyondFoundation)
        case .object(let members): members.contains { isBeyondFoundation($0.value) }
        case .largeInteger: value.doubleValue == nil
        default: false
        }
    }

    private static func isTooDeep(_ json: [UInt8]) -> Bool {
        refusalMessage(json)?.contains("nested deeper") == true
    }

    private static func refusalMessage(_ json: [UInt8]) -> String? {
        do {
            _ = try ACPJSON.decode(JSONValue.self, from: json)
            return nil
        } catch {
            return error.message
        }
    }

    private static func hasTrailingComma(_ json: [UInt8]) -> Bool {
        refusalMessage(json)?.contains("must be followed by another") == true
    }

    /// The number of members in a text: one for each colon outside of strings.
    private static func colons(_ json: [UInt8]) -> Int {
        var count = 0
        var isInString = false
        var isEscaped = false
        for byte in json {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte == UInt8(ascii: ":") {
                count += 1
            }
        }
        return count
    }
}
