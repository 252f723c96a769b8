// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Redis

/// The stored form of a run: its JSON, with the number of events that it covers as the last member. It is valid JSON,
/// and the number can be read without decoding the rest.
enum RunValue {
    private static let member = Array(#","_events":"#.utf8)

    /// Returns the JSON of a run up to the number of events.
    static func beginning(_ json: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(json.count + member.count + 8)
        // A run is an object with members: the closing brace belongs after the number.
        value += json[..<(json.endIndex - 1)]
        value += member
        return value
    }

    static func value(_ snapshot: RunSnapshot) -> [UInt8] {
        var value = beginning(snapshot.json)
        value += "\(snapshot.eventCount)}".utf8
        return value
    }

    /// Returns the number of events that a stored run covers, or `nil` if the value does not end with it.
    static func coveredEvents(_ value: [UInt8]) -> Int? {
        guard value.last == UInt8(ascii: "}") else { return nil }
        let digits = value.dropLast().suffix(while: { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        guard value[..<digits.startIndex].suffix(member.count).elementsEqual(member) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    /// Returns the JSON of the run in a stored value that ends with the number of events.
    static func json(_ value: consuming [UInt8]) -> [UInt8] {
        var json = value
        let digits = json.dropLast().suffix(while: { $0 != UInt8(ascii: ",") })
        json.removeLast(json.count - (digits.startIndex - 1))
        json.append(UInt8(ascii: "}"))
        return json
    }

    static func decode(_ value: [UInt8], _ task: RedisTask) throws(StorageError) -> Run {
        do throws(StorageError) {
            return try Encoded<Run>(json: value).decode("its JSON")
        } catch {
            throw task.corrupt(error.message, cause: error)
        }
    }
}

extension BidirectionalCollection {
    /// Returns the longest suffix whose elements all satisfy a condition.
    fileprivate func suffix(while condition: (Element) -> Bool) -> SubSequence {
        var start = endIndex
        while start != startIndex, condition(self[index(before: start)]) { formIndex(before: &start) }
        return self[start...]
    }
}

extension RunOwner {
    /// `process/token`. The process is escaped so that the first slash is the separator.
    var stored: String { Self.storedPrefix(of: process) + token }

    static func storedPrefix(of process: ProcessID) -> String {
        var text = ""
        for character in process.rawValue.unicodeScalars {
            switch character {
            case "%": text += "%25"
            case "/": text += "%2F"
            default: text.unicodeScalars.append(character)
            }
        }
        return text + "/"
    }

    init?(stored: String) {
        let text = stored.unicodeScalars
        guard let slash = text.firstIndex(of: "/") else { return nil }
        var process = String.UnicodeScalarView()
        var rest = text[..<slash]
        while let character = rest.popFirst() {
            guard character == "%" else {
                process.append(character)
                continue
            }
            let code = String(rest.prefix(2))
            guard code == "25" || code == "2F" else { return nil }
            process.append(code == "25" ? "%" : "/")
            rest = rest.dropFirst(2)
        }
        self.init(
            process: ProcessID(rawValue: String(process)), token: String(text[text.index(after: slash)...]))
    }
}
