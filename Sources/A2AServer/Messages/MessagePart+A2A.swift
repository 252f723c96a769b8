// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

// A part of A2A is a text, bytes, a URL or data. A part of ACP has a content type instead, from which that is derived:
//
// | ACP | A2A |
// |---|---|
// | `content_url` | `url` |
// | `content` in base64 | `raw` |
// | `content` that is JSON, by its content type | `data` |
// | any other `content`, or none | `text` |
//
// `mediaType` is the content type, except for `text/plain` and `application/json`, which are the defaults of `text` and
// `data`. Where that does not return what an A2A part was, the part has members that say so (`kind`, `mediaType`).

extension MessagePart {
    /// Creates the part that keeps a part of A2A.
    ///
    /// - Throws: ``ACPError`` if the part holds a value that JSON cannot represent.
    init(_ part: A2A.Part) throws(ACPError) {
        let kind: A2APartKind
        switch part.content {
        case .text(let text):
            kind = .text
            self.init(contentType: part.mediaType ?? "text/plain", content: text)
        case .raw(let bytes):
            kind = .raw
            self.init(
                contentType: part.mediaType ?? "application/octet-stream", content: Base64.text(bytes),
                contentEncoding: .base64)
        case .url(let url):
            kind = .url
            self.init(contentType: part.mediaType ?? "application/octet-stream", contentURL: url)
        case .data(let value):
            kind = .data
            self.init(
                contentType: part.mediaType ?? "application/json",
                content: String(decoding: try ACPJSON.encode(value), as: UTF8.self))
        case nil:
            kind = .text
            self.init(contentType: part.mediaType ?? "text/plain", content: "")
        }
        name = part.filename
        var own = JSONObject()
        let derived = derivedKind
        if kind != derived { own.set(A2AMember.kind, kind.rawValue) }
        if part.mediaType != mediaType(as: kind) {
            own[A2AMember.mediaType] = part.mediaType.map { .string($0) } ?? .null
        }
        if var metadata = part.metadata {
            self.metadata = PartMetadata(takenFrom: &metadata)
            if self.metadata == nil || !metadata.isEmpty { own.set(A2AMember.metadata, metadata) }
        }
        if !own.isEmpty { extra.a2a = own }
    }

    /// The kind of A2A part that this part is, unless its members say something else.
    fileprivate var derivedKind: A2APartKind {
        if contentURL != nil { return .url }
        guard content != nil else { return .text }
        if contentEncoding == .base64 { return .raw }
        return isJSON ? .data : .text
    }

    /// Whether the content type is that of JSON, whatever parameters it has.
    private var isJSON: Bool {
        if contentType == "text/plain" { return false }
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return type == "application/json" || type.hasSuffix("+json")
    }

    /// The media type of the part of A2A, unless the members of this part say something else.
    fileprivate func mediaType(as kind: A2APartKind) -> String? {
        switch kind {
        case .text: contentType == "text/plain" ? nil : contentType
        case .data: contentType == "application/json" ? nil : contentType
        case .raw, .url: contentType
        }
    }
}

private enum A2APartKind: String {
    case text
    case raw
    case url
    case data
}

extension A2A.Part {
    /// Creates the part of A2A that a part is.
    init(_ part: MessagePart) {
        let own = part.extra.a2a
        var kind = own?.text(A2AMember.kind).flatMap(A2APartKind.init(rawValue:)) ?? part.derivedKind
        var content = Self.content(of: part, as: kind)
        if content == nil {
            kind = .text
            content = .text(part.content ?? "")
        }
        let mediaType: String? =
            switch own?[A2AMember.mediaType] {
            case .some(let stored): stored.stringValue
            case nil: part.mediaType(as: kind)
            }
        let marker = own?.object(A2AMember.artifact).map(ArtifactMarker.init)
        self.init(
            content, metadata: Self.metadata(of: part, own: own),
            filename: marker.map { $0.hasFilename ? part.name : nil } ?? part.name, mediaType: mediaType)
    }

    /// - Returns: `nil` if the content is not of that kind: then it is a text.
    private static func content(of part: MessagePart, as kind: A2APartKind) -> Content? {
        switch kind {
        case .text: .text(part.content ?? "")
        case .url: part.contentURL.map { .url($0) }
        case .raw:
            (part.contentEncoding == .base64 ? part.content.flatMap { Base64.bytes($0) } : part.bytes).map { .raw($0) }
        case .data: data(of: part).map { .data($0) }
        }
    }

    /// - Returns: `nil` if the content is not JSON, or nested too deep. The literal `nil` would mean the value `null`.
    private static func data(of part: MessagePart) -> JSONValue? {
        guard let content = part.content else { return Optional.none }
        do throws(ACPError) {
            let value = try ACPJSON.decode(JSONValue.self, from: content.utf8)
            if value.isNested(deeperThan: JSONValue.maximumLevels) { return Optional.none }
            return value
        } catch {
            return Optional.none
        }
    }

    private static func metadata(of part: MessagePart, own: JSONObject?) -> JSONObject? {
        let stored = own?.object(A2AMember.metadata)
        guard let metadata = part.metadata else { return stored }
        return metadata.a2a.merging(stored ?? [:]) { _, stored in stored }
    }
}
