// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension A2A.Part: ProtoMessage {
    package enum Field: JSONName, JSONField {
        case text
        case raw
        case url
        case data
        case metadata
        case filename
        case mediaType
    }

    package init(json reader: inout JSONReader) throws(JSONFault) {
        var text = JSONMember<String>(Field.text)
        var raw = JSONMember<ProtoBytes>(Field.raw)
        var url = JSONMember<String>(Field.url)
        var data = JSONMember<JSONValue>(Field.data)
        var metadata = JSONMember<JSONObject>(Field.metadata)
        var filename = JSONMember<String>(Field.filename)
        var mediaType = JSONMember<String>(Field.mediaType)
        try reader.beginObject()
        while let field = try reader.nextField(inEitherCase: Field.self) {
            switch field {
            case .text: try text.read(from: &reader)
            case .raw: try raw.read(from: &reader)
            case .url: try url.read(from: &reader)
            case .data: try data.read(from: &reader)
            case .metadata: try metadata.read(from: &reader)
            case .filename: try filename.read(from: &reader)
            case .mediaType: try mediaType.read(from: &reader)
            }
        }
        var content = OneOf<Content>()
        try content.take(Field.text, try text.optional().map { .text($0) })
        try content.take(Field.raw, try raw.optional().map { .raw($0.bytes) })
        try content.take(Field.url, try url.optional().map { .url($0) })
        // Here null is a value.
        try content.take(Field.data, data.isPresent ? .data(try data.optional() ?? .null) : nil)
        self.init(
            content.value,
            metadata: try metadata.optional(),
            filename: try filename.optional()?.ifNotEmpty,
            mediaType: try mediaType.optional()?.ifNotEmpty)
    }

    package func write(_ field: Field, to writer: inout JSONWriter) throws(JSONFault) {
        switch field {
        case .text: if case .text(let text) = content { try writer.member(field, text) }
        case .raw: if case .raw(let bytes) = content { try writer.member(field, ProtoBytes(bytes)) }
        case .url: if case .url(let url) = content { try writer.member(field, url) }
        case .data: if case .data(let value) = content { try writer.member(field, value) }
        case .metadata: try writer.member(field, metadata)
        case .filename: try writer.ifNotEmpty(field, filename)
        case .mediaType: try writer.ifNotEmpty(field, mediaType)
        }
    }

    package func check(_ check: inout FieldCheck) {
        if content == nil { check.report("one of text, raw, url and data is required") }
    }
}
