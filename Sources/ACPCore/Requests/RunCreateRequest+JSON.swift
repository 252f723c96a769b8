// SPDX-License-Identifier: Apache-2.0

extension RunCreateRequest: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case agentName = "agent_name"
        case sessionID = "session_id"
        case session
        case input
        case mode
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var agentName = JSONMember<AgentName>(Field.agentName)
        var sessionID = JSONMember<SessionID>(Field.sessionID)
        var session = JSONMember<SessionDescriptor>(Field.session)
        var input = JSONMember<[Message]>(Field.input)
        var mode = JSONMember<RunMode>(Field.mode)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .agentName: try agentName.read(from: &reader)
            case .sessionID: try sessionID.read(from: &reader)
            case .session: try session.read(from: &reader)
            case .input: try input.read(from: &reader)
            case .mode: try mode.read(from: &reader)
            }
        }
        self.init(
            agentName: try agentName.required(),
            input: try input.required(),
            mode: try mode.optional() ?? .sync,
            sessionID: try sessionID.optional(),
            session: try session.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .agentName: try writer.member(field, agentName)
        case .sessionID: try writer.member(field, sessionID)
        case .session: try writer.member(field, session)
        case .input: try writer.member(field, input)
        case .mode: try writer.member(field, mode)
        }
    }
}
