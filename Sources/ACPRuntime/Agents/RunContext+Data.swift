// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// The content of message parts, wherever it is.
extension RunContext {
    /// The bytes of a part: those that stand in it, or those that its `content_url` points to.
    ///
    /// ```swift
    /// for part in context.input.flatMap(\.parts) where part.contentType == "image/png" {
    ///     let image = try await context.data(of: part)
    /// }
    /// ```
    ///
    /// - Returns: Nothing if the part has neither content nor a URL.
    /// - Throws: ``ACPError`` with code `invalid_input` if its base64 is broken; ``LinkError`` if its URL cannot be loaded, or
    ///   may not be; `CancellationError`.
    public func data(of part: MessagePart) async throws -> [UInt8] {
        if let url = part.contentURL { return try await resource(at: url).bytes }
        guard part.content != nil else { return [] }
        guard let bytes = part.bytes else {
            throw ACPError(
                .invalidInput,
                "the content of a part of type \(part.contentType.prefix(80)) is not valid base64 (RFC 4648 with padding)"
            )
        }
        return bytes
    }

    /// What a URL points to that a caller sent. Only what this server's configuration allows is loaded, so a handler may pass on
    /// what it was given.
    ///
    /// - Throws: ``LinkError`` if it cannot be loaded, or may not be; `CancellationError`.
    public func resource(at url: String) async throws -> Resource {
        if let resource = try DataURL.resource(of: url) { return resource }
        return try await session.links.load(url, for: .content)
    }
}

extension MessagePart {
    /// The bytes of this part, wherever they are. See ``RunContext/data(of:)``.
    ///
    /// ```swift
    /// let image = try await part.data(in: context)
    /// ```
    public func data(in context: RunContext) async throws -> [UInt8] {
        try await context.data(of: self)
    }
}
