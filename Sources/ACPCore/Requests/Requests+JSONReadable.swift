// SPDX-License-Identifier: Apache-2.0

// Bodies of requests and answers, read without `Decodable`: member by member what its `init(from:)` does.

extension RunCreateRequest: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var agentName = JSONMember<AgentName>()
        var sessionID = JSONMember<SessionID>()
        var session = JSONMember<SessionDescriptor>()
        var input = JSONMember<[Message]>()
        var mode = JSONMember<RunMode>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "agent_name": try agentName.read(from: &reader)
            case "session_id": try sessionID.read(from: &reader)
            case "session": try session.read(from: &reader)
            case "input": try input.read(from: &reader)
            case "mode": try mode.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(
            agentName: try agentName.required(), input: try input.required(), mode: mode.value ?? .sync,
            sessionID: sessionID.value, session: session.value)
    }
}

extension RunResumeRequest: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var runID = JSONMember<RunID>()
        var awaitResume = JSONMember<AwaitResume>()
        var mode = JSONMember<RunMode>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "run_id": try runID.read(from: &reader)
            case "await_resume": try awaitResume.read(from: &reader)
            case "mode": try mode.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(awaitResume: try awaitResume.required(), mode: mode.value ?? .sync, runID: runID.value)
    }
}

extension SessionDescriptor: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var id = JSONMember<SessionID>()
        var history = JSONMember<[String]>()
        var state = JSONMember<String>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "id": try id.read(from: &reader)
            case "history": try history.read(from: &reader)
            case "state": try state.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(id: try id.required(), history: history.value ?? [], state: state.value)
    }
}

extension RunEventsListResponse: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var events = JSONMember<[Event]>()
        var nextOffset = JSONMember<Int>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "events": try events.read(from: &reader)
            case "next_offset": try nextOffset.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(events: try events.required(), nextOffset: nextOffset.value)
    }
}

extension RunsListResponse: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var runs = JSONMember<[Run]>()
        var total = JSONMember<Int>()
        var nextOffset = JSONMember<Int>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "runs": try runs.read(from: &reader)
            case "total": try total.read(from: &reader)
            case "next_offset": try nextOffset.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(runs: try runs.required(), total: try total.required(), nextOffset: nextOffset.value)
    }
}
