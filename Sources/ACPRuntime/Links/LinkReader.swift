// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Loads the resources that a run's session and messages refer to.
struct LinkReader: Sendable {
    let session: SessionID
    var principal: PrincipalID?
    let loader: (any ResourceLoader)?
    var forwardedLinks = ForwardedLinks()
    var budget = LinkBudget(EngineConfiguration())

    /// - Throws: ``LinkError``.
    func load(_ url: String, for purpose: ResourceRequest.Purpose) async throws -> LoadedResource {
        guard let loader else {
            throw LinkError(
                .unavailable,
                "\(LinkError.shown(url)) was not loaded: this server is not configured to load from other servers")
        }
        let url = purpose == .content ? url : forwardedLinks.freshest(of: url)
        try budget.begin(url)
        let resource = try await loader.load(
            ResourceRequest(url: url, session: session, purpose: purpose, principal: principal))
        try budget.end(url, bytes: resource.bytes.count)
        return resource
    }

    /// Loads a message of the session's history that another server keeps.
    func message(at url: String) async throws -> Message {
        let resource = try await load(url, for: .message)
        do {
            return try ACPJSON.decode(Message.self, from: resource.bytes)
        } catch {
            throw LinkError(
                .badResponse, "\(LinkError.shown(url)) does not refer to a message: \(error.message)",
                cause: error)
        }
    }
}

/// The state that another server keeps, while none is stored here. It is loaded once per run.
actor ForwardedState {
    private var loaded: (url: String, state: SessionState)?

    func state(at url: String, with links: LinkReader) async throws -> SessionState {
        if let loaded, loaded.url == url { return loaded.state }
        let resource = try await links.load(url, for: .state)
        let state = SessionState(bytes: resource.bytes, contentType: resource.contentType)
        loaded = (url, state)
        return state
    }
}

extension SessionRecord {
    private static let forwardedStateKey = "forwarded_state"
    private static let knownStateKey = "known_state"

    /// The URL of the state that another server keeps, if the session was moved here and no state was stored here
    /// since. It is used in place of ``state``.
    ///
    /// It is part of ``metadata``, so that every backend stores it and every process finds it.
    package internal(set) var forwardedState: String? {
        get { metadata[Self.forwardedStateKey]?.stringValue }
        set { metadata[Self.forwardedStateKey] = newValue.map { .string($0) } }
    }

    /// Records the URL of a state that another server keeps, unless it is the one that was recorded last: a session
    /// that returns has the state that it was given elsewhere, and a descriptor that is sent again does not replace a
    /// newer state of this server.
    ///
    /// - Returns: Whether the record has changed.
    mutating func adopt(stateAt url: String) -> Bool {
        let link = SessionLink(url)
        let identity = JSONValue.string(link.identity)
        if metadata[Self.knownStateKey] == identity {
            // It may have a new signature, which matters while the state is read from there.
            guard let kept = forwardedState, link.outlives(SessionLink(kept)) else { return false }
        }
        metadata[Self.knownStateKey] = identity
        forwardedState = url
        return true
    }
}
