// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A part of a message: text, JSON, an image, or anything else with a content type.
///
/// The content is either in the part itself (``content``) or at a URL (``contentURL``), never both. A part with a
/// ``name`` is an artifact. Members that the specification does not define are kept in ``extra`` and written again.
///
/// ```swift
/// let parts: [MessagePart] = [
///     .text("Here is the drawing:"),
///     .artifact(name: "drawing.svg", contentType: "image/svg+xml", content: "<svg/>"),
/// ]
/// ```
public struct MessagePart: Sendable, Hashable {
    /// How ``MessagePart/content`` represents the bytes of a part.
    public enum ContentEncoding: String, Sendable, Hashable {
        /// The content is the text itself.
        case plain
        /// The content is base64 (RFC 4648, with padding) of the bytes.
        case base64
    }

    /// The name of an artifact. If `nil`, the part is not an artifact.
    public var name: String?
    /// The MIME type of the content.
    public var contentType: String
    /// The content, in the encoding that ``contentEncoding`` names.
    public var content: String?
    /// How ``content`` represents the bytes of the part.
    public var contentEncoding: ContentEncoding
    /// The URL of the content, if it is not in ``content``.
    public var contentURL: String?
    /// A citation, or a step of the agent's work.
    public var metadata: PartMetadata?
    /// Members that the specification does not define.
    public var extra: JSONObject

    /// Creates a part.
    ///
    /// - Parameters:
    ///   - name: The name of an artifact. If `nil`, the part is not an artifact.
    ///   - contentType: The MIME type of the content. Defaults to `text/plain`.
    ///   - content: The content. Not together with `contentURL`: ``validate()`` checks this.
    ///   - contentEncoding: How `content` represents the bytes of the part. Defaults to ``ContentEncoding/plain``.
    ///   - contentURL: The URL of the content.
    ///   - metadata: A citation, or a step of the agent's work.
    ///   - extra: Members that the specification does not define.
    public init(
        name: String? = nil,
        contentType: String = "text/plain",
        content: String? = nil,
        contentEncoding: ContentEncoding = .plain,
        contentURL: String? = nil,
        metadata: PartMetadata? = nil,
        extra: JSONObject = [:]
    ) {
        self.name = name
        self.contentType = contentType
        self.content = content
        self.contentEncoding = contentEncoding
        self.contentURL = contentURL
        self.metadata = metadata
        self.extra = extra
    }

    /// Returns a part of plain text.
    public static func text(_ text: String, metadata: PartMetadata? = nil) -> MessagePart {
        MessagePart(content: text, metadata: metadata)
    }

    /// Returns a part of bytes, encoded as base64.
    public static func data(_ bytes: some Sequence<UInt8>, contentType: String, name: String? = nil) -> MessagePart {
        MessagePart(
            name: name, contentType: contentType, content: Data(bytes).base64EncodedString(),
            contentEncoding: .base64)
    }

    /// Returns a part that holds a value as JSON, with the content type `application/json`.
    ///
    /// - Throws: ``ACPError`` if the value cannot be encoded.
    public static func json(_ value: some Encodable, name: String? = nil) throws -> MessagePart {
        MessagePart(
            name: name, contentType: "application/json",
            content: String(decoding: try ACPJSON.encode(value), as: UTF8.self))
    }

    /// Returns an artifact: a part with a name that the agent produced.
    public static func artifact(name: String, contentType: String = "text/plain", content: String) -> MessagePart {
        MessagePart(name: name, contentType: contentType, content: content)
    }

    /// Whether this part is an artifact, that is, has a name.
    public var isArtifact: Bool { name != nil }

    /// The content as text. If `nil`, the part has no content, or its base64 does not decode to UTF-8.
    public var text: String? {
        guard let content else { return nil }
        guard contentEncoding == .base64 else { return content }
        guard let bytes = Data(base64Encoded: content) else { return nil }
        return String(data: bytes, encoding: .utf8)
    }

    /// The content as bytes. If `nil`, the part has no content, or its base64 is not valid.
    public var bytes: [UInt8]? {
        guard let content else { return nil }
        guard contentEncoding == .base64 else { return Array(content.utf8) }
        return Data(base64Encoded: content).map { [UInt8]($0) }
    }

    /// Checks what the type system does not: that there is no content beside a content URL, and that base64 is valid.
    ///
    /// - Throws: ``ACPError`` with code ``ACPError/Code-swift.struct/invalidInput``.
    public func validate() throws(ACPError) {
        if content != nil && contentURL != nil {
            throw ACPError(.invalidInput, MessagePart.exclusive)
        }
        if contentEncoding == .base64, let content, !isBase64(content.utf8) {
            throw ACPError(.invalidInput, "content is not valid base64 (RFC 4648 with padding, no line breaks)")
        }
    }

    static let exclusive = "content and content_url exclude each other: give one of them"
}

/// Checks base64 without decoding it, so that a large part costs no second copy.
private func isBase64(_ text: String.UTF8View) -> Bool {
    var characters = 0
    var padding = 0
    for byte in text {
        switch byte {
        case UInt8(ascii: "="):
            padding += 1
        case _ where byte.isAlphanumeric || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/"):
            guard padding == 0 else { return false }
        default:
            return false
        }
        characters += 1
    }
    return characters % 4 == 0 && padding <= 2
}
