// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import Testing

@Suite("Errors")
struct ErrorTests {
    static let table: [(A2AError.Code, Int, Int, String, String)] = [
        (.taskNotFound, -32001, 404, "NOT_FOUND", "TASK_NOT_FOUND"),
        (.taskNotCancelable, -32002, 400, "FAILED_PRECONDITION", "TASK_NOT_CANCELABLE"),
        (.pushNotificationNotSupported, -32003, 400, "FAILED_PRECONDITION", "PUSH_NOTIFICATION_NOT_SUPPORTED"),
        (.unsupportedOperation, -32004, 400, "FAILED_PRECONDITION", "UNSUPPORTED_OPERATION"),
        (.contentTypeNotSupported, -32005, 400, "INVALID_ARGUMENT", "CONTENT_TYPE_NOT_SUPPORTED"),
        (.invalidAgentResponse, -32006, 500, "INTERNAL", "INVALID_AGENT_RESPONSE"),
        (.extendedAgentCardNotConfigured, -32007, 400, "FAILED_PRECONDITION", "EXTENDED_AGENT_CARD_NOT_CONFIGURED"),
        (.extensionSupportRequired, -32008, 400, "FAILED_PRECONDITION", "EXTENSION_SUPPORT_REQUIRED"),
        (.versionNotSupported, -32009, 400, "FAILED_PRECONDITION", "VERSION_NOT_SUPPORTED"),
        (.parseError, -32700, 400, "INVALID_ARGUMENT", "PARSE_ERROR"),
        (.invalidRequest, -32600, 400, "INVALID_ARGUMENT", "INVALID_REQUEST"),
        (.methodNotFound, -32601, 404, "NOT_FOUND", "METHOD_NOT_FOUND"),
        (.invalidParams, -32602, 400, "INVALID_ARGUMENT", "INVALID_PARAMS"),
        (.internalError, -32603, 500, "INTERNAL", "INTERNAL_ERROR"),
    ]

    @Test("Each kind has its place in all bindings", arguments: table)
    func codes(code: A2AError.Code, number: Int, http: Int, grpc: String, reason: String) {
        #expect(code.number == number)
        #expect(code.httpStatus == http)
        #expect(code.grpcStatus.rawValue == grpc)
        #expect(code.reason == reason)
        #expect(A2AError.Code(reason: reason) == code)
        #expect(A2AError.Code(number: number) == code)
    }

    @Test("The numbers of gRPC's statuses are in their order")
    func grpcNumbers() {
        #expect(A2AError.GRPCStatus.ok.number == 0)
        #expect(A2AError.GRPCStatus.invalidArgument.number == 3)
        #expect(A2AError.GRPCStatus.notFound.number == 5)
        #expect(A2AError.GRPCStatus.failedPrecondition.number == 9)
        #expect(A2AError.GRPCStatus.internalError.number == 13)
        #expect(A2AError.GRPCStatus.unauthenticated.number == 16)
    }

    static let error = A2AError(
        .taskNotFound, "there is no task t1", metadata: ["taskId": "t1"],
        violations: [A2AError.FieldViolation(field: "id", description: "no such task")],
        details: [["@type": "x", "a": 1]])

    static let details = """
        [{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"TASK_NOT_FOUND","domain":"a2a-protocol.org",\
        "metadata":{"taskId":"t1"}},{"@type":"type.googleapis.com/google.rpc.BadRequest",\
        "fieldViolations":[{"field":"id","description":"no such task"}]},{"@type":"x","a":1}]
        """

    @Test("An error is written as the error object of JSON-RPC")
    func jsonRPC() throws {
        let json = String(decoding: A2A.JSONRPC.response(to: .string("1"), error: Self.error), as: UTF8.self)
        #expect(
            json
                == #"{"jsonrpc":"2.0","id":"1","error":{"code":-32001,"message":"there is no task t1","data":\#(Self.details)}}"#
        )
        #expect(A2AError(jsonRPC: Self.error.jsonRPCObject) == Self.error)
    }

    @Test("An error is written as the body of an HTTP response")
    func http() throws {
        let body = Self.error.httpBody()
        #expect(
            String(decoding: body, as: UTF8.self)
                == #"{"error":{"code":404,"status":"NOT_FOUND","message":"there is no task t1","details":\#(Self.details)}}"#
        )
        #expect(A2AError(httpStatus: 404, body: body) == Self.error)
    }

    @Test("Each kind is the same after a round trip in both forms")
    func roundTrip() {
        let own = A2AError.Code(number: -32050, httpStatus: 402, grpcStatus: .resourceExhausted, reason: "QUOTA")
        let codes =
            A2AError.Code.protocolCodes + A2AError.Code.jsonRPCCodes + [
                .unauthenticated, .permissionDenied, .rateLimited, .unavailable,
            ]
        for code in codes {
            let error = A2AError(code, "m", metadata: ["a": "b"])
            #expect(A2AError(jsonRPC: error.jsonRPCObject) == error)
            #expect(A2AError(httpStatus: code.httpStatus, body: error.httpBody()) == error)
        }
        let error = A2AError(own, "m", domain: "example.com")
        let overRPC = A2AError(jsonRPC: error.jsonRPCObject)
        #expect(overRPC.code.number == -32050)
        #expect(overRPC.code.reason == "QUOTA")
        #expect(overRPC.domain == "example.com")
        let overHTTP = A2AError(httpStatus: 402, body: error.httpBody())
        #expect(overHTTP.code.httpStatus == 402)
        #expect(overHTTP.code.reason == "QUOTA")
        #expect(overHTTP.code.grpcStatus == .resourceExhausted)
    }

    @Test("Errors of the table of 1.0.0 are found by their reason")
    func oldTable() {
        let body = Array(
            """
            {"error":{"code":409,"status":"FAILED_PRECONDITION","message":"m","details":[{"@type":\
            "type.googleapis.com/google.rpc.ErrorInfo","reason":"TASK_NOT_CANCELABLE","domain":"a2a-protocol.org"}]}}
            """.utf8)
        #expect(A2AError(httpStatus: 409, body: body).code == .taskNotCancelable)
    }

    @Test(
        "Errors of other servers are read in whatever form",
        arguments: [
            (404, #"{"detail":"Not Found"}"#, "Not Found"),
            (400, #"{"type":"about:blank","title":"Bad","status":400,"detail":"no good"}"#, "no good"),
            (500, "<html>oops</html>", "<html>oops</html>"), (502, "", "the server has responded with status 502"),
            (401, #"{"error":"invalid_token","error_description":"expired"}"#, "expired"),
            (401, #"{"error":"invalid_token"}"#, "invalid_token"),
            (400, #"{"message":"m","code":3,"details":[]}"#, "m"),
            (500, "[1]", "[1]"), (500, "{}", "the server has given no message"),
            (500, #"{"error":{"message":null,"details":"text"}}"#, "text"),
            (500, #"{"error":{"details":{"a":1}}}"#, "the server has given no message"),
        ])
    func otherForms(status: Int, body: String, message: String) {
        let error = A2AError(httpStatus: status, body: Array(body.utf8))
        #expect(error.message == message)
        #expect(error.code.httpStatus == status)
    }

    @Test(
        "Errors of JSON-RPC in other forms are read",
        arguments: [
            (#"{"code":-32001,"message":"m"}"#, "TASK_NOT_FOUND"),
            (#"{"code":-32001,"message":"m","data":null}"#, "TASK_NOT_FOUND"),
            (#"{"code":"-32001","message":"m","data":{"taskId":"t"}}"#, "TASK_NOT_FOUND"),
            (#"{"code":-32077,"message":"m","data":"more"}"#, "UNKNOWN"),
            (#"{"message":"m","data":[1,null,["x"]]}"#, "UNKNOWN"),
            (
                #"{"code":-32603,"message":"m","data":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"TASK_NOT_FOUND","domain":"a2a-protocol.org","metadata":{"list":["a",1]}}]}"#,
                "TASK_NOT_FOUND"
            ),
        ])
    func otherJSONRPC(json: String, reason: String) throws {
        let object = try #require(try tree(json).objectValue)
        let error = A2AError(jsonRPC: object)
        #expect(error.message == "m")
        #expect(error.code.reason == reason)
        if json.contains("list") { #expect(error.metadata["list"] == #"["a",1]"#) }
    }

    @Test("An error whose further details cannot be written goes without them")
    func unwritableDetails() throws {
        var deep: JSONValue = 1
        for _ in 0..<200 { deep = [deep] }
        let error = A2AError(.taskNotFound, "m", metadata: ["a": "b"], details: [["deep": deep]])
        var plain = error
        plain.details = []
        #expect(A2AError(httpStatus: 404, body: error.httpBody()) == plain)
        let response = try A2A.JSONRPC.Response(json: A2A.JSONRPC.response(to: .integer(1), error: error))
        #expect(response.outcome == .error(plain))
    }

    @Test("A status of gRPC without a reason is kept")
    func statusOnly() {
        let body = Array(#"{"error":{"code":400,"status":"OUT_OF_RANGE","message":"m"}}"#.utf8)
        let error = A2AError(httpStatus: 400, body: body)
        #expect(error.code.grpcStatus == .outOfRange)
        #expect(error.code.httpStatus == 400)
    }
}
