// SPDX-License-Identifier: Apache-2.0

extension AgentManifest: Codable, JSONDocument {
    package enum Field: JSONName, JSONField {
        case name
        case description
        case inputContentTypes = "input_content_types"
        case outputContentTypes = "output_content_types"
        case metadata
        case status
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var name = JSONMember<AgentName>(Field.name)
        var description = JSONMember<String>(Field.description)
        var inputContentTypes = JSONMember<[String]>(Field.inputContentTypes)
        var outputContentTypes = JSONMember<[String]>(Field.outputContentTypes)
        var metadata = JSONMember<AgentMetadata>(Field.metadata)
        var status = JSONMember<AgentStatus>(Field.status)
        try reader.beginObject()
        while let field = try reader.nextField(Field.self) {
            switch field {
            case .name: try name.read(from: &reader)
            case .description: try description.read(from: &reader)
            case .inputContentTypes: try inputContentTypes.read(from: &reader)
            case .outputContentTypes: try outputContentTypes.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            case .status: try status.read(from: &reader)
            }
        }
        self.init(
            name: try name.required(),
            description: try description.optional() ?? "",
            inputContentTypes: try inputContentTypes.optional() ?? ["*/*"],
            outputContentTypes: try outputContentTypes.optional() ?? ["*/*"],
            metadata: try metadata.optional() ?? AgentMetadata(),
            status: try status.optional())
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .name: try writer.member(field, name)
        case .description: try writer.member(field, description)
        case .inputContentTypes: try writer.member(field, inputContentTypes)
        case .outputContentTypes: try writer.member(field, outputContentTypes)
        case .metadata: try writer.member(field, metadata)
        case .status: try writer.member(field, status)
        }
    }
}
