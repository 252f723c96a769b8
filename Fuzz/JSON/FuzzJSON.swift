// SPDX-License-Identifier: Apache-2.0

// A libFuzzer target for the JSON reader. scripts/fuzz compiles it into one module with ACPCore, and runs it.

import Foundation

/// Reads the input directly and, if that gives a value, with `Decodable`, which must give the same one. What is read as any
/// value must be JSON for Foundation as well, and must be the same after it was written and read again. The first byte
/// chooses the type.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let json = Array(input[1...])
    switch input[0] % 6 {
    case 0: compare(RunCreateRequest.self, json)
    case 1: compare(MessagePart.self, json)
    case 2: compare(RunResumeRequest.self, json)
    case 3: compare(Event.self, json)
    case 4: compare(Run.self, json)
    default:
        compare(JSONValue.self, json)
        compareWithFoundation(json)
    }
    return 0
}

private func compare<Value: JSONReadable & Encodable & Equatable>(_ type: Value.Type, _ json: [UInt8]) {
    guard let value = json.withUnsafeBytes({ JSONReader.read(type, from: $0) }) else { return }
    guard let expected = try? ACPJSON.decodeThoroughly(type, from: json) else {
        preconditionFailure("Decodable refuses what the reader reads")
    }
    precondition(value == expected || timeless(value) == timeless(expected), "the values differ")
}

/// A message's missing timestamps become the current time, another one in each of the two values.
private func timeless(_ value: some Encodable) -> JSONValue? {
    let anHourAgo = Timestamp.now + .seconds(-3_600)
    func timeless(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): .array(elements.map(timeless))
        case .object(let members): .object(members.mapValues(timeless))
        case .string(let text): Timestamp(text).map { $0 >= anHourAgo } == true ? "now" : value
        default: value
        }
    }
    return (try? JSONValue(encoding: value)).map(timeless)
}

private func compareWithFoundation(_ json: [UInt8]) {
    guard let value = try? ACPJSON.decode(JSONValue.self, from: json) else { return }
    // A fraction may have been rounded to a whole number, which is read as an integer then: so the texts are compared.
    guard let written = try? ACPJSON.encode(value), let again = try? ACPJSON.decode(JSONValue.self, from: written),
        (try? ACPJSON.encode(again)) == written || hasLargeNumber(value)
    else { preconditionFailure("the value is another one after a round trip") }
    let isRead = (try? JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed)) != nil
    precondition(isRead || hasHugeInteger(value), "Foundation refuses what the reader reads")
}

/// Whether there is a whole number in a Double that is written in another way when it was read as an integer: with all its digits
/// and not with an exponent, or without the sign of a zero.
private func hasLargeNumber(_ value: JSONValue) -> Bool {
    switch value {
    case .array(let elements): elements.contains(where: hasLargeNumber)
    case .object(let members): members.contains { hasLargeNumber($0.value) }
    case .number(let number): number == 0 || (abs(number) >= 1e15 && number == number.rounded())
    default: false
    }
}

/// Whether there is an integer that no Double holds: Foundation may refuse it.
private func hasHugeInteger(_ value: JSONValue) -> Bool {
    switch value {
    case .array(let elements): elements.contains(where: hasHugeInteger)
    case .object(let members): members.contains { hasHugeInteger($0.value) }
    case .largeInteger: true
    default: false
    }
}
