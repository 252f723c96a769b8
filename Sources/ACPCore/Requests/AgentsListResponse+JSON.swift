// SPDX-License-Identifier: Apache-2.0

extension AgentsListResponse: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case agents
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var agents = JSONMember<[AgentManifest]>(Field.agents)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .agents: try agents.read(from: &reader)
            }
        }
        self.init(
            agents: try agents.required())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .agents: try writer.member(field, agents)
        }
    }
}
