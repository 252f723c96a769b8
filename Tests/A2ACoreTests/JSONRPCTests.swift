// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import Testing

@Suite("JSON-RPC")
struct JSONRPCTests {
    static func request(_ json: String) throws(A2A.JSONRPC.Rejection) -> A2A.JSONRPC.Request {
        try A2A.JSONRPC.Request(json: Array(json.utf8))
    }

    static func rejection(_ json: String) -> A2A.JSONRPC.Rejection? {
        do {
            _ = try request(json)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "A request is read, with its members in any order",
        arguments: [
            #"{"jsonrpc":"2.0","id":"1","method":"GetTask","params":{"id":"t1"}}"#,
            #"{"params": {"id":"t1"} ,"method":"GetTask","id":"1","jsonrpc":"2.0","more":[1]}"#,
            #"{"params":{"id":"t0"},"params":{"id":"t1"},"method":"GetTask","id":"1","jsonrpc":"2.0"}"#,
        ])
    func reading(json: String) throws {
        let request = try Self.request(json)
        #expect(request.id == .string("1"))
        #expect(A2A.Method(rawValue: request.method) == .getTask)
        #expect(try request.params(as: A2A.GetTaskRequest.self) == A2A.GetTaskRequest(id: "t1"))
    }

    @Test(
        "A request has a text, an integer, null or nothing as its identifier",
        arguments: [
            (#""id":"x","#, A2A.JSONRPC.ID.string("x")), (#""id":"","#, .string("")), (#""id":7,"#, .integer(7)),
            (#""id":-9223372036854775808,"#, .integer(.min)), (#""id":2.0,"#, .integer(2)), (#""id":null,"#, .null),
            ("", .null),
        ])
    func identifiers(member: String, id: A2A.JSONRPC.ID) throws {
        #expect(try Self.request(#"{"jsonrpc":"2.0",\#(member)"method":"m"}"#).id == id)
    }

    @Test(
        "Documents that are not requests are refused, with the identifier if there is one",
        arguments: [
            (#"{"jsonrpc":"2.0","id":1.5,"method":"m"}"#, -32600, "null"),
            (#"{"jsonrpc":"2.0","id":[1],"method":"m"}"#, -32600, "null"),
            (#"{"jsonrpc":"2.0","id":true,"method":"m"}"#, -32600, "null"),
            (#"{"jsonrpc":"1.0","id":1,"method":"m"}"#, -32600, "1"),
            (#"{"jsonrpc":2.0,"id":1,"method":"m"}"#, -32600, "1"),
            (#"{"id":1,"method":"m"}"#, -32600, "1"), (#"{"jsonrpc":"2.0","id":"a"}"#, -32600, #""a""#),
            (#"{"jsonrpc":"2.0","id":"a","method":null}"#, -32600, #""a""#),
            (#"{"jsonrpc":"2.0","id":"a","method":3}"#, -32600, #""a""#),
            (#"[{"jsonrpc":"2.0","id":"a","method":"m"}]"#, -32600, "null"), ("[]", -32600, "null"),
            ("3", -32600, "null"),
            ("null", -32600, "null"), (#""x""#, -32600, "null"), ("", -32700, "null"), ("{", -32700, "null"),
            ("[1", -32700, "null"),
            (#"{"jsonrpc":"2.0","id":"a","method":"m","params":{]}"#, -32700, "null"),
            (#"{"jsonrpc":"2.0","id":"a","method":"m"} x"#, -32700, "null"),
        ])
    func refused(json: String, code: Int, id: String) throws {
        let rejection = try #require(Self.rejection(json))
        #expect(rejection.error.code.number == code)
        let response = try tree(String(decoding: rejection.response, as: UTF8.self))
        #expect(response["id"] == (try tree(id)))
        #expect(response["error"]?["code"]?.intValue == code)
        #expect(response["jsonrpc"] == "2.0")
    }

    @Test("Parameters that are nested too deep are a parse error")
    func deep() throws {
        let nested = String(repeating: "[", count: 50_000)
        #expect(Self.rejection(#"{"jsonrpc":"2.0","id":1,"method":"m","params":\#(nested)"#)?.error.code == .parseError)
    }

    @Test("Parameters are checked, and may be missing if nothing is required")
    func params() throws {
        let wrong = try Self.request(#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{}}"#)
        let error = #expect(throws: A2AError.self) { try wrong.params(as: A2A.GetTaskRequest.self) }
        #expect(error?.code == .invalidParams)
        #expect(fields(error) == ["id"])
        let list = try Self.request(#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":["t"]}"#)
        #expect(throws: A2AError.self) { try list.params(as: A2A.GetTaskRequest.self) }
        for json in [
            #"{"jsonrpc":"2.0","id":1,"method":"GetExtendedAgentCard"}"#,
            #"{"jsonrpc":"2.0","id":1,"method":"GetExtendedAgentCard","params":null}"#,
        ] {
            #expect(try Self.request(json).params() == A2A.GetExtendedAgentCardRequest())
        }
    }

    @Test("A request is the same after a round trip")
    func requestRoundTrip() throws {
        for id in [A2A.JSONRPC.ID.string("a\"b"), .integer(3), .null] {
            let request = try A2A.JSONRPC.Request(id: id, method: .sendMessage, params: Fixture.sendRequest)
            let read = try A2A.JSONRPC.Request(json: request.json)
            #expect(read.id == id)
            #expect(try read.params() == Fixture.sendRequest)
        }
    }

    @Test("A response carries a result, null as well, or an error")
    func responses() throws {
        let task = try A2AJSON.encode(Fixture.task)
        let response = try A2A.JSONRPC.Response(json: A2A.JSONRPC.response(to: .integer(1), result: task))
        #expect(response.id == .integer(1))
        #expect(try response.result() == Fixture.task)
        let deleted = try A2A.JSONRPC.Response(json: Array(#"{"jsonrpc":"2.0","id":"1","result":null}"#.utf8))
        #expect(deleted.outcome == .result(Array("null".utf8)[...]))
        let failed = try A2A.JSONRPC.Response(
            json: A2A.JSONRPC.response(to: .string("x"), error: A2AError(.taskNotFound, "no")))
        #expect(failed.outcome == .error(A2AError(.taskNotFound, "no")))
        #expect(throws: A2AError(.taskNotFound, "no")) { try failed.result(as: A2A.Task.self) }
    }

    @Test(
        "Documents that are not responses are an invalid response of the agent",
        arguments: [
            "", "[]", "{}", #"{"jsonrpc":"2.0","id":1}"#, #"{"jsonrpc":"2.0","id":1,"error":null}"#, #"{"result":{}"#,
        ])
    func noResponses(json: String) {
        let error = #expect(throws: A2AError.self) { try A2A.JSONRPC.Response(json: Array(json.utf8)) }
        #expect(error?.code == .invalidAgentResponse)
    }

    @Test("A result of another form is an invalid response of the agent")
    func otherResult() throws {
        let response = try A2A.JSONRPC.Response(json: Array(#"{"id":1,"result":{"id":3}}"#.utf8))
        let error = #expect(throws: A2AError.self) { try response.result(as: A2A.Task.self) }
        #expect(error?.code == .invalidAgentResponse)
    }
}
