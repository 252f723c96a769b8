// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Reading the contents of message parts.
extension RunContext {
    /// Returns the bytes of a part: those that it contains, or those that its `content_url` refers to.
    ///
    /// ```swift
    /// for part in context.input.flatMap(\.parts) where part.contentType == "image/png" {
    ///     let image = try await context.data(of: part)
    /// }
    /// ```
    ///
    /// - Parameter part: The part.
    /// - Returns: The bytes. Empty if the part has neither content nor a URL.
    /// - Throws: ``ACPError`` with code `invalid_input` if its base64 is invalid; ``LinkError`` if its URL cannot be
    ///   loaded, or may not be; `CancellationError`.
    public func data(of part: MessagePart) async throws -> [UInt8] {
        if let url = part.contentURL { return try await resource(at: url).bytes }
        guard part.content != nil else { return [] }
        guard let bytes = part.bytes else {
            throw ACPError(
                .invalidInput,
                "the content of a part of type \(part.contentType.prefix(80)) is not valid base64 "
                    + "(RFC 4648 with padding)")
        }
        return bytes
    }

    /// Loads the resource that a URL refers to.
    ///
    /// Only resources that this server's configuration allows are loaded, so a handler may pass URLs that callers sent.
    ///
    /// - Parameter url: The URL.
    /// - Returns: The resource's bytes and type.
    /// - Throws: ``LinkError`` if it cannot be loaded, or may not be; `CancellationError`.
    public func resource(at url: String) async throws -> LoadedResource {
        if let resource = try DataURL.resource(of: url) { return resource }
        return try await session.links.load(url, for: .content)
    }
}

extension MessagePart {
    /// Returns the bytes of this part: those that it contains, or those that its URL refers to. See
    /// ``RunContext/data(of:)``.
    ///
    /// ```swift
    /// let image = try await part.data(in: context)
    /// ```
    ///
    /// - Parameter context: The run that reads the part.
    /// - Throws: ``ACPError`` with code `invalid_input` if its base64 is invalid; ``LinkError`` if its URL cannot be
    ///   loaded, or may not be; `CancellationError`.
    public func data(in context: RunContext) async throws -> [UInt8] {
        try await context.data(of: self)
    }
}
