// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// Loads what URLs point to that a session or a message brings along: messages and states that other servers keep, and the
/// content of message parts.
///
/// These URLs come from whoever calls, so a loader decides what may be loaded from where, how long that may take, and how large
/// it may be. `ACPServer` has one for HTTP; a program that uses the engine on its own sets
/// ``EngineConfiguration/resourceLoader``.
public protocol ResourceLoader: Sendable {
    /// What a URL points to.
    ///
    /// - Throws: ``LinkError`` if it cannot be loaded, or may not be; `CancellationError` if the calling task is cancelled.
    func load(_ request: ResourceRequest) async throws -> Resource
}

/// What is to be loaded, for whom.
public struct ResourceRequest: Sendable, Hashable {
    /// What something is loaded for.
    public enum Purpose: Sendable, Hashable {
        /// An entry of a session's history. Such messages never change.
        case message
        /// The state of a session.
        case state
        /// The content of a message part, or anything else that an agent asks for.
        case content
    }

    /// The URL as the caller gave it. Nothing has been checked.
    public var url: String
    /// The session of the run that asks.
    public var session: SessionID
    public var purpose: Purpose

    public init(url: String, session: SessionID, purpose: Purpose) {
        self.url = url
        self.session = session
        self.purpose = purpose
    }
}

/// Bytes, and what they are.
public struct Resource: Sendable, Hashable {
    public var bytes: [UInt8]
    /// The MIME type, as whoever keeps the resource gave it.
    public var contentType: String

    public init(bytes: [UInt8], contentType: String) {
        self.bytes = bytes
        self.contentType = contentType
    }
}
