// SPDX-License-Identifier: Apache-2.0

extension TrajectoryMetadata: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case message
        case toolName = "tool_name"
        case toolInput = "tool_input"
        case toolOutput = "tool_output"
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var message = JSONMember<String>(Field.message)
        var toolName = JSONMember<String>(Field.toolName)
        var toolInput = JSONMember<JSONValue>(Field.toolInput)
        var toolOutput = JSONMember<JSONValue>(Field.toolOutput)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .message: try message.read(from: &reader)
            case .toolName: try toolName.read(from: &reader)
            case .toolInput: try toolInput.read(from: &reader)
            case .toolOutput: try toolOutput.read(from: &reader)
            }
        }
        self.init(
            message: try message.optional(),
            toolName: try toolName.optional(),
            toolInput: try toolInput.optional().map(Self.object),
            toolOutput: try toolOutput.optional().map(Self.object))
    }

    /// Some servers send values that are not objects, contrary to the specification.
    private static func object(_ value: JSONValue) -> JSONObject { value.objectValue ?? ["value": value] }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .message: try writer.member(field, message)
        case .toolName: try writer.member(field, toolName)
        case .toolInput: try writer.member(field, toolInput)
        case .toolOutput: try writer.member(field, toolOutput)
        }
    }
}
