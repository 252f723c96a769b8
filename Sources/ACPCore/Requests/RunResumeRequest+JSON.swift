// SPDX-License-Identifier: Apache-2.0

extension RunResumeRequest: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case runID = "run_id"
        case awaitResume = "await_resume"
        case mode
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var runID = JSONMember<RunID>(Field.runID)
        var awaitResume = JSONMember<AwaitResume>(Field.awaitResume)
        var mode = JSONMember<RunMode>(Field.mode)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .runID: try runID.read(from: &reader)
            case .awaitResume: try awaitResume.read(from: &reader)
            case .mode: try mode.read(from: &reader)
            }
        }
        self.init(
            awaitResume: try awaitResume.required(),
            mode: try mode.optional() ?? .sync,
            runID: try runID.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .runID: try writer.member(field, runID)
        case .awaitResume: try writer.member(field, awaitResume)
        case .mode: try writer.member(field, mode)
        }
    }
}
