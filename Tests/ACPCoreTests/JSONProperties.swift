// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Foundation

@testable import ACPCore

/// Reads the input directly and by way of `Decodable`, which must both give the same value or refuse it for the same reason; what was
/// read must come back from both ways to write it. What is read as any value must be JSON for Foundation as well. The first byte
/// chooses the type.
func checkJSON(_ input: [UInt8]) throws {
    guard input.count > 1 else { return }
    let json = Array(input[1...])
    let type = types[abs(Int(input[0]) - Int(UInt8(ascii: "0"))) % types.count]
    try compare(type, json)
    if type is JSONValue.Type { try compareWithFoundation(json) }
}

private typealias Kind = JSONReadable & JSONWritable & Equatable & Sendable

private let types: [any Kind.Type] = [
    RunCreateRequest.self, MessagePart.self, RunResumeRequest.self, Event.self, Run.self, JSONValue.self, Message.self,
    AgentManifest.self, RunsListResponse.self, RunEventsListResponse.self, SessionDescriptor.self,
    SessionHistoryResponse.self, ProcessesListResponse.self, AgentsListResponse.self, ACPError.self,
]

private func compare<Value: Kind>(_ type: Value.Type, _ json: [UInt8]) throws {
    let direct = outcome { () throws(ACPError) in try ACPJSON.decode(type, from: json) }
    let bridged = outcome { () throws(ACPError) in try ACPJSON.decodeThoroughly(type, from: json) }
    switch (direct, bridged) {
    case (.success(let value), .success(let other)):
        try demand(value == other || timeless(value) == timeless(other), "the values differ")
        try roundTrip(value)
    case (.failure(let error), .failure(let other)): try demand(error == other, "\(error) and \(other)")
    default: throw PropertyViolation("one way refuses what the other one reads")
    }
}

private func outcome<Value>(_ read: () throws(ACPError) -> Value) -> Result<Value, ACPError> { Result(catching: read) }

private func roundTrip<Value: Kind>(_ value: Value) throws {
    guard let written = try? ACPJSON.encode(value) else { throw PropertyViolation("what was read cannot be written") }
    guard let tree = try? ACPJSON.encodeTree(value), let again = try? ACPJSON.encode(tree), written == again
    else { throw PropertyViolation("Encodable writes something else") }
    guard let back = try? ACPJSON.decode(Value.self, from: written), let last = try? ACPJSON.encode(back)
    else { throw PropertyViolation("what was written cannot be read") }
    guard let json = try? ACPJSON.decode(JSONValue.self, from: written) else { return }
    try demand(last == written || hasLargeNumber(json), "the value is another one after a round trip")
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

private func compareWithFoundation(_ json: [UInt8]) throws {
    guard let value = try? ACPJSON.decode(JSONValue.self, from: json) else { return }
    // A fraction may have been rounded to a whole number, which is read as an integer then: so the texts are compared.
    guard let written = try? ACPJSON.encode(value), let again = try? ACPJSON.decode(JSONValue.self, from: written),
        (try? ACPJSON.encode(again)) == written || hasLargeNumber(value)
    else { throw PropertyViolation("the value is another one after a round trip") }
    let isRead = (try? JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed)) != nil
    try demand(isRead || hasHugeInteger(value), "Foundation refuses what the reader reads")
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
