// SPDX-License-Identifier: Apache-2.0

// Runs, their events and what they await, read without `Decodable`: member by member what its `init(from:)` does.

extension Run: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var id = JSONMember<RunID>()
        var agentName = JSONMember<AgentName>()
        var sessionID = JSONMember<SessionID>()
        var status = JSONMember<RunStatus>()
        var awaitRequest = JSONMember<AwaitRequest>()
        var awaitDeadline = JSONMember<Timestamp>()
        var output = JSONMember<[Message]>()
        var error = JSONMember<ACPError>()
        var createdAt = JSONMember<Timestamp>()
        var finishedAt = JSONMember<Timestamp>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "run_id": try id.read(from: &reader)
            case "agent_name": try agentName.read(from: &reader)
            case "session_id": try sessionID.read(from: &reader)
            case "status": try status.read(from: &reader)
            case "await_request": try awaitRequest.read(from: &reader)
            case "await_deadline": try awaitDeadline.read(from: &reader)
            case "output": try output.read(from: &reader)
            case "error": try error.read(from: &reader)
            case "created_at": try createdAt.read(from: &reader)
            case "finished_at": try finishedAt.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(
            id: try id.required(),
            agentName: try agentName.required(),
            sessionID: sessionID.value,
            status: try status.required(),
            awaitRequest: awaitRequest.value,
            awaitDeadline: awaitDeadline.value,
            output: output.value ?? [],
            error: error.value,
            createdAt: try createdAt.required(),
            finishedAt: finishedAt.value)
    }
}

extension ACPError: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var code = JSONMember<Code>()
        var message = JSONMember<String>()
        var data = JSONMember<JSONObject>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "code": try code.read(from: &reader)
            case "message": try message.read(from: &reader)
            case "data": try data.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(try code.required(), try message.required(), data: data.value)
    }
}

extension AwaitRequest: JSONReadable {}
extension AwaitResume: JSONReadable {}

extension AwaitPayload {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        guard try reader.text(of: "type") == "message" else {
            self = .other(try JSONObject(json: &reader))
            return
        }
        self = .message(try reader.payload("message"))
    }
}

extension Event: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        // The type comes first, mostly: a second one is left to `Decodable`.
        guard let type = try reader.firstText(of: "type") else { throw JSONReader.Refusal() }
        switch Kind(rawValue: type) {
        case .runCreated: self = .runCreated(try reader.payload("run"))
        case .runInProgress: self = .runInProgress(try reader.payload("run"))
        case .runAwaiting: self = .runAwaiting(try reader.payload("run"))
        case .runCompleted: self = .runCompleted(try reader.payload("run"))
        case .runCancelled: self = .runCancelled(try reader.payload("run"))
        case .runFailed: self = .runFailed(try reader.payload("run"))
        case .messageCreated: self = .messageCreated(try reader.payload("message"))
        case .messagePart: self = .messagePart(try reader.payload("part"))
        case .messageCompleted: self = .messageCompleted(try reader.payload("message"))
        // A null is refused here, though it would be a value: nobody sends one.
        case .generic: self = .generic(try reader.payload("generic"))
        case .error: self = .error(try reader.payload("error"))
        default:
            let members = try JSONObject(json: &reader)
            guard members["type"] == .string(type) else { throw JSONReader.Refusal() }
            self = .unknown(members)
        }
    }
}

extension JSONReader {
    /// Reads an object with a type for the one member that this type has. All others are skipped.
    fileprivate mutating func payload<Value: JSONReadable>(_ name: StaticString) throws(Refusal) -> Value {
        var type = JSONMember<String>()
        var payload = JSONMember<Value>()
        try beginObject()
        while let key = try nextKey() {
            switch key {
            case "type":
                guard !type.isPresent else { throw Refusal() }
                try type.read(from: &self)
            case name: try payload.read(from: &self)
            default: try skip()
            }
        }
        return try payload.required()
    }
}
