// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Foundation

@testable import A2ACore
@testable import ACPCore

/// Reads the input as an object, which must be the same after a round trip; as a request and a response of JSON-RPC; as an error; and
/// as a query and a path. The first byte chooses the type.
func checkA2A(_ input: [UInt8]) throws {
    guard input.count > 1 else { return }
    let json = Array(input[1...])
    let choice = abs(Int(input[0]) - Int(UInt8(ascii: "0"))) % (types.count + 4)
    switch choice - types.count {
    case 0: try rpc(json)
    case 1: try errors(json)
    case 2: try urls(json)
    case 3: try version03(json)
    default: try roundTrip(types[choice], json)
    }
}

private let types: [any ProtoObject.Type] = [
    A2A.SendMessageRequest.self, A2A.AgentCard.self, A2A.StreamResponse.self, A2A.Task.self, A2A.Part.self,
    A2A.ListTasksRequest.self, A2A.ListTasksResponse.self, A2A.TaskPushNotificationConfig.self,
    A2A.SendMessageResponse.self,
]

private func roundTrip<Value: ProtoObject>(_ type: Value.Type, _ json: [UInt8]) throws {
    guard let value = try? A2AJSON.decode(type, from: json) else { return }
    _ = value.violations
    guard let written = try? A2AJSON.encode(value) else { throw PropertyViolation("what was read cannot be written") }
    guard let back = try? A2AJSON.decode(type, from: written), let again = try? A2AJSON.encode(back)
    else { throw PropertyViolation("what was written cannot be read") }
    guard let tree = try? ACPJSON.decode(JSONValue.self, from: written) else {
        throw PropertyViolation("no JSON was written")
    }
    try demand(written == again || hasLargeNumber(tree), "the object is another one after a round trip")
    if let card = value as? A2A.AgentCard, let canonical = try? card.canonicalJSON() {
        try demand((try? ACPJSON.decode(JSONValue.self, from: canonical)) != nil, "the canonical form is not JSON")
        _ = try? A2A.AgentCardVerifier(keys: [:]).verify(json: json)
    }
}

private func rpc(_ json: [UInt8]) throws {
    switch Result(catching: { () throws(A2A.JSONRPC.Rejection) in try A2A.JSONRPC.Request(json: json) }) {
    case .success(let request):
        guard let again = try? A2A.JSONRPC.Request(json: request.json) else {
            throw PropertyViolation("it cannot be read")
        }
        try demand(again == request, "the request is another one after a round trip")
        _ = try? request.params(as: A2A.SendMessageRequest.self)
    case .failure(let rejection):
        guard let response = try? A2A.JSONRPC.Response(json: rejection.response) else {
            throw PropertyViolation("the response to a request cannot be read")
        }
        try demand(response.id == rejection.id, "the response has another id")
    }
    guard let response = try? A2A.JSONRPC.Response(json: json) else { return }
    _ = try? response.result(as: A2A.SendMessageResponse.self)
}

private func errors(_ json: [UInt8]) throws {
    let error = A2AError(httpStatus: 400 + Int(json.first ?? 0), body: json)
    try demand((try? ACPJSON.decode(JSONValue.self, from: error.httpBody())) != nil, "the body is not JSON")
    guard let object = (try? ACPJSON.decode(JSONValue.self, from: json))?.objectValue else { return }
    let other = A2AError(jsonRPC: object)
    let response = A2A.JSONRPC.response(to: .null, error: other)
    try demand((try? ACPJSON.decode(JSONValue.self, from: response)) != nil, "the response is not JSON")
}

private func urls(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    for verb in ["GET", "POST", "DELETE"] {
        guard case .call(let call) = A2A.HTTPCall.match(verb: verb, path: text) else { continue }
        try demand(A2A.HTTPCall.match(verb: verb, path: call.path) == .call(call), "the path leads elsewhere")
    }
    guard let request = try? A2A.QueryParameters(text).listTasksRequest(tenant: "t") else { return }
    guard let again = try? A2A.QueryParameters(request.query).listTasksRequest(tenant: "t") else {
        throw PropertyViolation("the query cannot be read")
    }
    try demand(again.query == request.query, "the query is another one after a round trip")
}

private func version03(_ json: [UInt8]) throws {
    guard let object = (try? ACPJSON.decode(JSONValue.self, from: json))?.objectValue else { return }
    if let response = try? A2A.V03.streamResponse(object), let written = A2A.V03.object(response) {
        try demand((try? A2A.V03.streamResponse(written)) != nil, "what was written cannot be read")
    }
    _ = try? A2A.V03.sendMessageRequest(object)
    if let card = try? A2A.V03.agentCard(object), let written = A2A.V03.object(card) {
        try demand((try? A2A.V03.agentCard(written)) != nil, "what was written cannot be read")
    }
}

/// Whether there is a whole number in a Double that is written in another way when it was read as an integer.
private func hasLargeNumber(_ value: JSONValue) -> Bool {
    switch value {
    case .array(let elements): elements.contains(where: hasLargeNumber)
    case .object(let members): members.contains { hasLargeNumber($0.value) }
    case .number(let number): number == 0 || (abs(number) >= 1e15 && number == number.rounded())
    default: false
    }
}
