// SPDX-License-Identifier: Apache-2.0

extension Run: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case id = "run_id"
        case agentName = "agent_name"
        case sessionID = "session_id"
        case status
        case awaitRequest = "await_request"
        case awaitDeadline = "await_deadline"
        case exchange
        case output
        case error
        case createdAt = "created_at"
        case finishedAt = "finished_at"
        case statusChangedAt = "status_changed_at"
        case trace
        case principal
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var id = JSONMember<RunID>(Field.id)
        var agentName = JSONMember<AgentName>(Field.agentName)
        var sessionID = JSONMember<SessionID>(Field.sessionID)
        var status = JSONMember<RunStatus>(Field.status)
        var awaitRequest = JSONMember<AwaitRequest>(Field.awaitRequest)
        var awaitDeadline = JSONMember<Timestamp>(Field.awaitDeadline)
        var exchange = JSONMember<[Message]>(Field.exchange)
        var output = JSONMember<[Message]>(Field.output)
        var error = JSONMember<ACPError>(Field.error)
        var createdAt = JSONMember<Timestamp>(Field.createdAt)
        var finishedAt = JSONMember<Timestamp>(Field.finishedAt)
        var statusChangedAt = JSONMember<Timestamp>(Field.statusChangedAt)
        var trace = JSONMember<JSONObject>(Field.trace)
        var principal = JSONMember<PrincipalID>(Field.principal)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .id: try id.read(from: &reader)
            case .agentName: try agentName.read(from: &reader)
            case .sessionID: try sessionID.read(from: &reader)
            case .status: try status.read(from: &reader)
            case .awaitRequest: try awaitRequest.read(from: &reader)
            case .awaitDeadline: try awaitDeadline.read(from: &reader)
            case .exchange: try exchange.read(from: &reader)
            case .output: try output.read(from: &reader)
            case .error: try error.read(from: &reader)
            case .createdAt: try createdAt.read(from: &reader)
            case .finishedAt: try finishedAt.read(from: &reader)
            case .statusChangedAt: try statusChangedAt.read(from: &reader)
            case .trace: try trace.read(from: &reader)
            case .principal: try principal.read(from: &reader)
            }
        }
        self.init(
            id: try id.required(),
            agentName: try agentName.required(),
            sessionID: try sessionID.optional(),
            status: try status.required(),
            awaitRequest: try awaitRequest.optional(),
            awaitDeadline: try awaitDeadline.optional(),
            exchange: try exchange.optional() ?? [],
            output: try output.optional() ?? [],
            error: try error.optional(),
            createdAt: try createdAt.required(),
            finishedAt: try finishedAt.optional(),
            statusChangedAt: try statusChangedAt.optional(),
            trace: try trace.optional(),
            principal: try principal.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .id: try writer.member(field, id)
        case .agentName: try writer.member(field, agentName)
        case .sessionID: try writer.member(field, sessionID)
        case .status: try writer.member(field, status)
        case .awaitRequest: try writer.member(field, awaitRequest)
        case .awaitDeadline: try writer.member(field, awaitDeadline)
        case .exchange: if !exchange.isEmpty { try writer.member(field, exchange) }
        case .output: try writer.member(field, output)
        case .error: try writer.member(field, error)
        case .createdAt: try writer.member(field, createdAt)
        case .finishedAt: try writer.member(field, finishedAt)
        case .statusChangedAt: try writer.member(field, statusChangedAt)
        case .trace: try writer.member(field, trace)
        case .principal: try writer.member(field, principal)
        }
    }
}
