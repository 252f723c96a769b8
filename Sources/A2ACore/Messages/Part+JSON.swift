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
        var text = ProtoMember<String>(Field.text)
        var raw = ProtoMember<ProtoBytes>(Field.raw)
        var url = ProtoMember<String>(Field.url)
        var data = ProtoMember<JSONValue>(Field.data)
        var metadata = ProtoMember<JSONObject>(Field.metadata)
        var filename = ProtoMember<String>(Field.filename)
        var mediaType = ProtoMember<String>(Field.mediaType)
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
        case .text: if case .text(let text) = content { try writer.field(field, text) }
        case .raw: if case .raw(let bytes) = content { try writer.field(field, ProtoBytes(bytes)) }
        case .url: if case .url(let url) = content { try writer.field(field, url) }
        case .data: if case .data(let value) = content { try writer.field(field, value) }
        case .metadata: try writer.field(field, metadata)
        case .filename: try writer.ifNotEmpty(field, filename)
        case .mediaType: try writer.ifNotEmpty(field, mediaType)
        }
    }

    package func check(_ check: inout FieldCheck) {
        if content == nil { check.report("one of text, raw, url and data is required") }
    }
}
