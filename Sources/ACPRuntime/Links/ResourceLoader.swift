// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Loads the resources that URLs in sessions and messages refer to: messages and states that other servers keep, and
/// contents of message parts.
///
/// These URLs come from callers, so a loader decides what may be loaded from where, how long that may take, and how
/// large it may be. `ACPServer` has one for HTTP; a program that uses the engine directly sets
/// ``EngineConfiguration/resourceLoader``.
public protocol ResourceLoader: Sendable {
    /// Loads a resource.
    ///
    /// - Parameter request: The resource's URL, and its purpose.
    /// - Returns: The resource's bytes and type.
    /// - Throws: ``LinkError`` if it cannot be loaded, or may not be; `CancellationError` if the calling task is
    ///   cancelled.
    func load(_ request: ResourceRequest) async throws -> LoadedResource
}

/// A resource to load, and its purpose.
public struct ResourceRequest: Sendable, Hashable {
    /// What a resource is loaded for.
    public enum Purpose: Sendable, Hashable {
        /// An entry of a session's history. Such messages never change.
        case message
        /// The state of a session.
        case state
        /// The content of a message part, or any other resource that an agent requests.
        case content
    }

    /// The URL as the caller sent it. It has not been checked.
    public var url: String
    /// The session of the run that requests the resource.
    public var session: SessionID
    /// What the resource is loaded for.
    public var purpose: Purpose
    /// The principal of the run that requests the resource. If `nil`, the run has none.
    public var principal: PrincipalID?

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - url: The URL as the caller sent it.
    ///   - session: The session of the run that requests the resource.
    ///   - purpose: What the resource is loaded for.
    ///   - principal: The principal of the run that requests the resource. Defaults to none.
    public init(url: String, session: SessionID, purpose: Purpose, principal: PrincipalID? = nil) {
        self.url = url
        self.session = session
        self.purpose = purpose
        self.principal = principal
    }
}

/// A resource that was loaded by its URL.
public struct LoadedResource: Sendable, Hashable {
    /// The resource's bytes.
    public var bytes: [UInt8]
    /// The MIME type that the resource's server sent.
    public var contentType: String

    /// Creates a resource.
    ///
    /// - Parameters:
    ///   - bytes: The resource's bytes.
    ///   - contentType: The MIME type.
    public init(bytes: [UInt8], contentType: String) {
        self.bytes = bytes
        self.contentType = contentType
    }
}
