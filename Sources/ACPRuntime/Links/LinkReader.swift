// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// Loads for one run what its session and its messages point to.
struct LinkReader: Sendable {
    let session: SessionID
    let loader: (any ResourceLoader)?
    var brought = BroughtLinks()
    var allowance = LinkAllowance(EngineConfiguration())

    /// - Throws: ``LinkError``.
    func load(_ url: String, for purpose: ResourceRequest.Purpose) async throws -> Resource {
        guard let loader else {
            throw LinkError(
                .unavailable,
                "\(LinkError.shown(url)) was not loaded: this server is not set up to load what others keep")
        }
        let url = purpose == .content ? url : brought.freshest(of: url)
        try allowance.begin(url)
        let resource = try await loader.load(ResourceRequest(url: url, session: session, purpose: purpose))
        try allowance.end(url, bytes: resource.bytes.count)
        return resource
    }

    /// A message of the session's history that another server keeps.
    func message(at url: String) async throws -> Message {
        let resource = try await load(url, for: .message)
        do {
            return try ACPJSON.decode(Message.self, from: resource.bytes)
        } catch {
            throw LinkError(
                .badAnswer, "\(LinkError.shown(url)) leads to something that is no message: \(error.message)",
                cause: error)
        }
    }
}

/// The state that another server keeps, for as long as none is stored here. Loaded once per run.
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

    /// The URL of the state that another server keeps, if the session came from there and nothing was stored here since. It
    /// counts in place of ``state``.
    ///
    /// It stands in ``metadata``, so that every backend keeps it and every process finds it.
    public internal(set) var forwardedState: String? {
        get { metadata[Self.forwardedStateKey]?.stringValue }
        set { metadata[Self.forwardedStateKey] = newValue.map { .string($0) } }
    }

    /// Takes over a state that another server keeps, if it is not the one that was taken over last: a session that comes back
    /// brings along what became of it elsewhere, and a descriptor that is sent again does not undo what has happened here since.
    ///
    /// - Returns: Whether there is something new.
    mutating func adopt(stateAt url: String) -> Bool {
        let link = SessionLink(url)
        let identity = JSONValue.string(link.identity)
        if metadata[Self.knownStateKey] == identity {
            // It may be signed anew, which matters as long as it is read from there.
            guard let kept = forwardedState, link.outlives(SessionLink(kept)) else { return false }
        }
        metadata[Self.knownStateKey] = identity
        forwardedState = url
        return true
    }
}
