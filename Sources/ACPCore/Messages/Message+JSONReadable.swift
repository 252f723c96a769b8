// SPDX-License-Identifier: Apache-2.0

// Messages and what stands in them, read without `Decodable`: member by member what its `init(from:)` does.

extension Message: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var role = JSONMember<Role>()
        var parts = JSONMember<[MessagePart]>()
        var createdAt = JSONMember<Timestamp>()
        var completedAt = JSONMember<Timestamp>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "role": try role.read(from: &reader)
            case "parts": try parts.read(from: &reader)
            case "created_at": try createdAt.read(from: &reader)
            case "completed_at": try completedAt.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(
            role: role.value ?? .user,
            parts: try parts.required(),
            createdAt: createdAt.isPresent ? createdAt.value : .now,
            completedAt: completedAt.isPresent ? completedAt.value : .now)
    }
}

extension MessagePart: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var name = JSONMember<String>()
        var contentType = JSONMember<String>()
        var content = JSONMember<String>()
        var contentEncoding = JSONMember<ContentEncoding>()
        var contentURL = JSONMember<String>()
        var metadata = JSONMember<PartMetadata>()
        var extra = JSONObject()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "name": try name.read(from: &reader)
            case "content_type": try contentType.read(from: &reader)
            case "content": try content.read(from: &reader)
            case "content_encoding": try contentEncoding.read(from: &reader)
            case "content_url": try contentURL.read(from: &reader)
            case "metadata": try metadata.read(from: &reader)
            default: extra[key.name] = try JSONValue(json: &reader)
            }
        }
        guard content.value == nil || contentURL.value == nil else { throw JSONReader.Refusal() }
        self.init(
            name: name.value,
            contentType: contentType.value ?? "text/plain",
            content: content.value,
            contentEncoding: contentEncoding.value ?? .plain,
            contentURL: contentURL.value,
            metadata: metadata.value,
            extra: extra)
    }
}

extension PartMetadata: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        switch try reader.text(of: "kind") {
        case "citation": self = .citation(try CitationMetadata(json: &reader))
        case "trajectory": self = .trajectory(try TrajectoryMetadata(json: &reader))
        default: self = .other(try JSONObject(json: &reader))
        }
    }
}

extension CitationMetadata: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var kind = JSONMember<String>()
        var url = JSONMember<String>()
        var title = JSONMember<String>()
        var description = JSONMember<String>()
        var startIndex = JSONMember<Int>()
        var endIndex = JSONMember<Int>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "kind": try kind.read(from: &reader)
            case "url": try url.read(from: &reader)
            case "title": try title.read(from: &reader)
            case "description": try description.read(from: &reader)
            case "start_index": try startIndex.read(from: &reader)
            case "end_index": try endIndex.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(
            url: url.value, title: title.value, description: description.value, startIndex: startIndex.value,
            endIndex: endIndex.value)
    }
}

extension TrajectoryMetadata: JSONReadable {
    package init(json reader: inout JSONReader) throws(JSONReader.Refusal) {
        var kind = JSONMember<String>()
        var message = JSONMember<String>()
        var toolName = JSONMember<String>()
        var toolInput = JSONMember<JSONValue>()
        var toolOutput = JSONMember<JSONValue>()
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "kind": try kind.read(from: &reader)
            case "message": try message.read(from: &reader)
            case "tool_name": try toolName.read(from: &reader)
            case "tool_input": try toolInput.read(from: &reader)
            case "tool_output": try toolOutput.read(from: &reader)
            default: try reader.skip()
            }
        }
        self.init(
            message: message.value, toolName: toolName.value, toolInput: toolInput.value, toolOutput: toolOutput.value)
    }
}
