// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import Testing

/// The traps of Protocol Buffers' JSON.
@Suite("ProtoJSON")
struct ProtoJSONTests {
    // MARK: Names

    @Test(
        "A name in snake case with capitals, with two underscores or with none to spare is not known",
        arguments: [
            #"{"context_Id":"c"}"#, #"{"context__id":"c"}"#, #"{"Context_id":"c"}"#, #"{"contextid":"c"}"#,
            #"{"context_id_":"c"}"#,
        ])
    func otherNames(json: String) throws {
        let message: A2A.Message = try decode(json)
        #expect(message.contextID == nil)
    }

    @Test("A name with escapes is the name", arguments: [#"{"context\u0049d":"c"}"#, #"{"context\u005fid":"c"}"#])
    func escapedNames(json: String) throws {
        let message: A2A.Message = try decode(json)
        #expect(message.contextID == "c")
    }

    @Test("Of a field in both cases the last counts")
    func bothCases() throws {
        let message: A2A.Message = try decode(#"{"contextId":"a","context_id":"b"}"#)
        #expect(message.contextID == "b")
    }

    // MARK: Enumerations

    @Test("Enumerations are read by name and by number", arguments: zip(A2A.TaskState.allCases, 0..<9))
    func enumerations(state: A2A.TaskState, number: Int) throws {
        let named: A2A.TaskStatus = try decode(#"{"state":"\#(state.rawValue)"}"#)
        let numbered: A2A.TaskStatus = try decode(#"{"state":\#(number)}"#)
        #expect(named.state == state)
        #expect(numbered.state == state)
        #expect(try encode(A2A.TaskStatus(state: state, timestamp: nil)) == #"{"state":"\#(state.rawValue)"}"#)
    }

    @Test(
        "Another name or number of an enumeration is an error that names the field",
        arguments: [
            #""TASK_STATE_ASLEEP""#, #""working""#, #""""#, "9", "-1", "1.5", #""1""#, "true", "{}",
        ])
    func unknownEnumerations(value: String) {
        let error = refusal(A2A.ListTasksRequest.self, #"{"status":\#(value)}"#)
        #expect(error?.code == .invalidParams)
        #expect(fields(error) == ["status"])
    }

    // MARK: Null

    @Test("Null is a missing field")
    func null() throws {
        let message: A2A.Message = try decode(
            #"{"messageId":"m","contextId":null,"taskId":null,"role":"ROLE_USER","parts":[{"text":"x","data_":null,"raw":null}],"metadata":null,"extensions":null}"#
        )
        #expect(message == A2A.Message(id: "m", role: .user, parts: [.text("x")]))
    }

    @Test("Null is a value of data, and of nothing else in a part")
    func nullData() throws {
        let part: A2A.Part = try decode(#"{"data":null}"#)
        #expect(part == .data(.null))
        #expect(try encode(part) == #"{"data":null}"#)
        let empty: A2A.Part = try decode(#"{"text":null}"#)
        #expect(empty.content == nil)
        #expect(try encode(empty) == "{}")
    }

    @Test(
        "Null in a list is an error",
        arguments: [
            (#"{"parts":[null]}"#, "parts[0]"), (#"{"parts":[{"text":"a"},null]}"#, "parts[1]"),
            (#"{"extensions":["a",null]}"#, "extensions[1]"), (#"{"referenceTaskIds":[null]}"#, "referenceTaskIds[0]"),
        ])
    func nullInList(json: String, field: String) {
        let error = refusal(A2A.Message.self, json)
        #expect(error?.code == .invalidParams)
        #expect(fields(error) == [field])
    }

    // MARK: One of several

    @Test(
        "Two members of which one may be set are an error",
        arguments: [
            #"{"text":"a","url":"b"}"#, #"{"text":"","data":null}"#, #"{"raw":"","text":""}"#,
            #"{"url":"a","data":{}}"#,
        ])
    func twoContents(json: String) {
        #expect(refusal(A2A.Part.self, json)?.code == .invalidParams)
    }

    @Test("Two payloads of a stream, a response, a scheme or a flow are an error")
    func twoPayloads() {
        #expect(refusal(A2A.StreamResponse.self, #"{"task":{},"message":{}}"#)?.code == .invalidParams)
        #expect(refusal(A2A.SendMessageResponse.self, #"{"task":{},"message":{}}"#)?.code == .invalidParams)
        #expect(
            refusal(A2A.SecurityScheme.self, #"{"mtlsSecurityScheme":{},"http_auth_security_scheme":{}}"#)?.code
                == .invalidParams)
        #expect(refusal(A2A.OAuthFlows.self, #"{"implicit":{},"password":{}}"#)?.code == .invalidParams)
    }

    @Test("One member that is set beside one that is null is the one")
    func nullBeside() throws {
        let response: A2A.StreamResponse = try decode(#"{"task":null,"statusUpdate":{"taskId":"t"}}"#)
        guard case .statusUpdate(let event) = response else {
            Issue.record("another payload")
            return
        }
        #expect(event.taskID == "t")
    }

    @Test("A payload that is not known is kept, and written as it came")
    func unknownPayload() throws {
        let json = #"{"timelineEntry":{"a":[1]}}"#
        let response: A2A.StreamResponse = try decode(json)
        #expect(response == .unknown(["timelineEntry": ["a": [1]]]))
        #expect(try encode(response) == json)
        let scheme: A2A.SecurityScheme = try decode(#"{"type":"http"}"#)
        #expect(scheme == .unknown(["type": "http"]))
        #expect(refusal(A2A.SendMessageResponse.self, "{}") != nil)
    }

    // MARK: Defaults

    @Test("Defaults are left out, but required fields and those that are set")
    func defaults() throws {
        let event = A2A.TaskArtifactUpdateEvent(
            taskID: "t", contextID: "c", artifact: A2A.Artifact(id: "a", name: "", parts: [.text("")]))
        #expect(
            try encode(event)
                == #"{"taskId":"t","contextId":"c","artifact":{"artifactId":"a","parts":[{"text":""}]}}"#)
        #expect(
            try encode(A2A.Task(id: "t", status: A2A.TaskStatus(state: .working, timestamp: nil)))
                == #"{"id":"t","status":{"state":"TASK_STATE_WORKING"}}"#)
        #expect(try encode(A2A.AgentCapabilities(streaming: false)) == #"{"streaming":false}"#)
        #expect(try encode(A2A.GetTaskRequest(id: "t", historyLength: 0)) == #"{"id":"t","historyLength":0}"#)
        #expect(try encode(A2A.ListTasksRequest(includesArtifacts: false)) == #"{"includeArtifacts":false}"#)
        #expect(try encode(A2A.ListTasksRequest(status: .unspecified)) == "{}")
        #expect(
            try encode(A2A.Message(id: "", role: .unspecified, parts: []))
                == #"{"messageId":"","role":"ROLE_UNSPECIFIED","parts":[]}"#)
    }

    @Test("A list of tasks has all of its fields in any case")
    func listOfTasks() throws {
        let response = A2A.ListTasksResponse(tasks: [], nextPageToken: "", pageSize: 0, totalSize: 0)
        #expect(try encode(response) == #"{"tasks":[],"nextPageToken":"","pageSize":0,"totalSize":0}"#)
        let read: A2A.ListTasksResponse = try decode("{}")
        #expect(read == response)
    }

    @Test("Metadata that is empty is told from none")
    func emptyMetadata() throws {
        let message: A2A.Message = try decode(#"{"metadata":{}}"#)
        #expect(message.metadata == [:])
        #expect(try encode(A2A.GetExtendedAgentCardRequest(tenant: "")) == "{}")
    }

    // MARK: Numbers

    @Test(
        "An integer is read from a number, a text and a number with a fraction of zero",
        arguments: [
            ("5", 5), (#""5""#, 5), ("5.0", 5), ("5e0", 5), ("50e-1", 5), (#""5.0""#, 5), (#""-5""#, -5), ("0", 0),
            ("2147483647", 2_147_483_647), ("-2147483648", -2_147_483_648), (#""2147483647""#, 2_147_483_647),
        ])
    func integers(json: String, value: Int) throws {
        let request: A2A.GetTaskRequest = try decode(#"{"historyLength":\#(json)}"#)
        #expect(request.historyLength == value)
    }

    @Test(
        "Values that are not integers of 32 bits are errors",
        arguments: [
            "5.5", #""5.5""#, "2147483648", "-2147483649", #""2147483648""#, "1e30", #""""#, #"" 5""#, #""+5""#,
            #""0x5""#,
            "true", "[5]", #""NaN""#, #""inf""#, "123456789012345678901234567890",
        ])
    func noIntegers(json: String) {
        let error = refusal(A2A.GetTaskRequest.self, #"{"id":"t","history_length":\#(json)}"#)
        #expect(error?.code == .invalidParams)
        #expect(fields(error) == ["historyLength"])
    }

    @Test(
        "Numbers in data and metadata keep their value",
        arguments: [
            "9007199254740993", "-9223372036854775808", "18446744073709551615", "123456789012345678901234567890", "3",
            "2.5",
        ])
    func largeNumbers(number: String) throws {
        let json = #"{"data":{"n":\#(number)},"metadata":{"n":\#(number)}}"#
        let part: A2A.Part = try decode(json)
        #expect(try encode(part) == json)
    }

    // MARK: Times

    @Test(
        "A time is read with up to nine digits of a second, and written with three",
        arguments: [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
            ("2026-01-02T03:04:05.6Z", "2026-01-02T03:04:05.600Z"),
            ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05.678901Z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05.678999999Z", "2026-01-02T03:04:05.678Z"),
            ("2026-01-02T03:04:05.000001Z", "2026-01-02T03:04:05.000Z"),
            ("2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05.000Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"),
        ])
    func times(text: String, written: String) throws {
        let status: A2A.TaskStatus = try decode(#"{"state":"TASK_STATE_WORKING","timestamp":"\#(text)"}"#)
        #expect(try encode(status) == #"{"state":"TASK_STATE_WORKING","timestamp":"\#(written)"}"#)
    }

    @Test(
        "A time out of all calendars is written as the nearest",
        arguments: [
            (Int64.max, "9999-12-31T23:59:59.999Z"), (Int64.min, "0000-01-01T00:00:00.000Z"),
        ])
    func extremeTimes(microseconds: Int64, text: String) throws {
        let status = A2A.TaskStatus(state: .working, timestamp: Timestamp(microseconds: microseconds))
        #expect(try encode(status) == #"{"state":"TASK_STATE_WORKING","timestamp":"\#(text)"}"#)
    }

    @Test(
        "Text that is not a time is an error",
        arguments: ["yesterday", "", "2026-02-30T00:00:00Z", "2026-01-02T03:04:05.Z"])
    func noTimes(text: String) {
        let error = refusal(A2A.TaskStatus.self, #"{"timestamp":"\#(text)"}"#)
        #expect(fields(error) == ["timestamp"])
    }

    // MARK: Bytes

    @Test(
        "Bytes are read from both alphabets, with and without padding",
        arguments: [
            ("", []), ("AA==", [0]), ("AA", [0]), ("AAE=", [0, 1]), ("AAE", [0, 1]), ("+/+/", [251, 255, 191]),
            ("-_-_", [251, 255, 191]), ("+_-/", [251, 255, 191]), ("/w==", [255]), ("_w", [255]), (#"\/w=="#, [255]),
        ])
    func bytes(text: String, bytes: [UInt8]) throws {
        let part: A2A.Part = try decode(#"{"raw":"\#(text)"}"#)
        #expect(part == .raw(bytes))
    }

    @Test(
        "What is no base64 is an error",
        arguments: ["A", "AAAAA", "A===", "A=A=", "=", "AA=", "AAA==", "a b=", "äää=", "A\\n=="])
    func noBytes(text: String) {
        #expect(fields(refusal(A2A.Part.self, #"{"raw":"\#(text)"}"#)) == ["raw"])
    }

    @Test("Bytes of any length are the same after a round trip")
    func byteLengths() throws {
        var random = SeededGenerator(seed: 7)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            let part = A2A.Part.raw(bytes)
            let json = try encode(part)
            #expect(!json.contains("-") && !json.contains("_"))
            let read: A2A.Part = try decode(json)
            #expect(read == part)
        }
    }

    // MARK: Required fields

    @Test(
        "Each required field that is missing is named",
        arguments: [
            (#"{}"#, ["message"]),
            (#"{"message":null}"#, ["message"]),
            (#"{"message":{"messageId":"m"}}"#, ["message.role", "message.parts"]),
            (#"{"message":{"messageId":"","role":0,"parts":[]}}"#, ["message"]),
            (
                #"{"message":{"messageId":"m","role":"ROLE_UNSPECIFIED","parts":[{}]}}"#,
                ["message.role", "message.parts[0]"]
            ),
            (#"{"message":{"messageId":"m","role":1,"parts":[{"text":"a"},{"filename":"x"}]}}"#, ["message.parts[1]"]),
            (
                #"{"message":{"messageId":"m","role":1,"parts":[{"text":""}]},"configuration":{"historyLength":-1,"taskPushNotificationConfig":{"authentication":{}}}}"#,
                [
                    "configuration.taskPushNotificationConfig.url",
                    "configuration.taskPushNotificationConfig.authentication.scheme", "configuration.historyLength",
                ]
            ),
        ])
    func required(json: String, expected: [String]) {
        let error = refusal(A2A.SendMessageRequest.self, json, isComplete: true)
        #expect(error?.code == .invalidParams)
        #expect(fields(error) == expected)
    }

    @Test("Of very many wrong fields the first are named")
    func manyViolations() throws {
        let parts = Array(repeating: "{}", count: 10_000).joined(separator: ",")
        let error = refusal(
            A2A.Message.self, #"{"messageId":"m","role":1,"parts":[\#(parts)]}"#, isComplete: true)
        #expect(error?.violations.count == A2AError.maximumViolations)
    }

    @Test("A client reads objects in which required fields are missing")
    func lenient() throws {
        let card: A2A.AgentCard = try decode(#"{"name":"a","supportedInterfaces":[{"url":"u"}],"skills":null}"#)
        #expect(card.name == "a")
        #expect(
            card.violations.map(\.field) == [
                "description", "supportedInterfaces[0].protocolBinding", "supportedInterfaces[0].protocolVersion",
                "version",
                "defaultInputModes", "defaultOutputModes", "skills",
            ])
        let task: A2A.Task = try decode(#"{"id":"t","artifacts":[{"artifactId":"a"}]}"#)
        #expect(task.status.state == .unspecified)
        #expect(task.violations.map(\.field) == ["status", "artifacts[0].parts"])
        let event: A2A.TaskStatusUpdateEvent = try decode(#"{"status":{"state":2}}"#)
        #expect(event.violations.map(\.field) == ["taskId", "contextId"])
    }

    @Test("The card's schemes are checked under their names")
    func schemes() throws {
        let card: A2A.AgentCard = try decode(
            """
            {"securitySchemes":{"b":{"oauth2SecurityScheme":{}},"a":{"apiKeySecurityScheme":{"location":"query"}},\
            "c":{"oauth2SecurityScheme":{"flows":{"deviceCode":{}}}},"d":{}}}
            """)
        #expect(
            card.violations.map(\.field).filter { $0.hasPrefix("security") } == [
                "securitySchemes.a.apiKeySecurityScheme.name", "securitySchemes.b.oauth2SecurityScheme.flows",
                "securitySchemes.c.oauth2SecurityScheme.flows.deviceCode.deviceAuthorizationUrl",
                "securitySchemes.c.oauth2SecurityScheme.flows.deviceCode.tokenUrl", "securitySchemes.d",
            ])
    }

    @Test("Numbers that are out of their range are named", arguments: [0, 101, -1])
    func pageSize(size: Int) {
        let error = refusal(A2A.ListTasksRequest.self, #"{"pageSize":\#(size),"historyLength":-5}"#, isComplete: true)
        #expect(fields(error) == ["pageSize", "historyLength"])
    }

    // MARK: Hostile input

    @Test(
        "Text that is not JSON is a parse error",
        arguments: [
            "", "{", #"{"a"}"#, #"{"messageId":"m",}"#, #"{"messageId":'m'}"#, "nul", "{}{}",
            #"{"messageId":"\ud800"}"#,
            #"{"x":"\q"}"#, "{\"x\":\"\n\"}", #"{"parts":[{"text":"a"}"#, #"{"x":01}"#,
        ])
    func noJSON(json: String) {
        #expect(refusal(A2A.Message.self, json)?.code == .parseError)
    }

    @Test("Text that is not UTF-8 is a parse error, in names and in values, known or not")
    func invalidText() {
        for json in [#"{"messageId":"ÿ"}"#, #"{"x":"ÿ"}"#, #"{"ÿ":1}"#, #"{"metadata":{"a":["ÿ"]}}"#] {
            var bytes = Array(json.utf8)
            if let index = bytes.firstIndex(of: 0xc3) {
                bytes.remove(at: index + 1)
                bytes[index] = 0xff
            }
            #expect(throws: A2AError.self) { try A2AJSON.decode(A2A.Message.self, from: bytes) }
        }
    }

    @Test("JSON that is nested too deep is refused, and does not exhaust the stack")
    func deepNesting() {
        for depth in [129, 100_000] {
            let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            #expect(refusal(A2A.Part.self, #"{"data":\#(nested)}"#)?.code == .parseError)
            #expect(refusal(A2A.Part.self, #"{"notKnown":\#(nested)}"#)?.code == .parseError)
        }
    }

    @Test("A value that is nested too deep, or infinite, cannot be written")
    func unwritable() {
        var value: JSONValue = 1
        for _ in 0..<200 { value = [value] }
        #expect(throws: A2AError.self) { try A2AJSON.encode(A2A.Part.data(value)) }
        #expect(throws: A2AError.self) { try A2AJSON.encode(A2A.Part.data(.number(.infinity))) }
    }

    @Test(
        "A value of another kind is an error that names the field",
        arguments: [
            (#"{"messageId":1}"#, "messageId"), (#"{"parts":{}}"#, "parts"), (#"{"parts":["a"]}"#, "parts[0]"),
            (#"{"parts":[{"text":"a"},{"text":1}]}"#, "parts[1].text"), (#"{"metadata":[]}"#, "metadata"),
            (#"{"role":{}}"#, "role"), (#"{"extensions":"a"}"#, "extensions"), ("[]", ""), ("1", ""), ("null", ""),
        ])
    func otherKinds(json: String, field: String) {
        let error = refusal(A2A.Message.self, json)
        #expect(error?.code == .invalidParams)
        #expect(fields(error) == [field])
    }

    @Test("Very many members are read in linear time, and the last of the same name counts")
    func manyMembers() throws {
        let members = (0..<50_000).map { #""messageId":"\#($0)""# }.joined(separator: ",")
        let message: A2A.Message = try decode("{\(members)}")
        #expect(message.id == "49999")
    }
}
