// SPDX-License-Identifier: Apache-2.0

extension AgentStatus: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case averageRunTokens = "avg_run_tokens"
        case averageRunTimeSeconds = "avg_run_time_seconds"
        case successRate = "success_rate"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var averageRunTokens = JSONMember<Double>(Field.averageRunTokens)
        var averageRunTimeSeconds = JSONMember<Double>(Field.averageRunTimeSeconds)
        var successRate = JSONMember<Double>(Field.successRate)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .averageRunTokens: try averageRunTokens.read(from: &reader)
            case .averageRunTimeSeconds: try averageRunTimeSeconds.read(from: &reader)
            case .successRate: try successRate.read(from: &reader)
            }
        }
        self.init(
            averageRunTokens: try averageRunTokens.optional(),
            averageRunTimeSeconds: try averageRunTimeSeconds.optional(),
            successRate: try successRate.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .averageRunTokens: try writer.member(field, averageRunTokens)
        case .averageRunTimeSeconds: try writer.member(field, averageRunTimeSeconds)
        case .successRate: try writer.member(field, successRate)
        }
    }
}
