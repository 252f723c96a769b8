// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import HTTPTypes

/// The links of a caller's session descriptor to messages and a state that this server's storage does not have.
///
/// URLs of this server become paths, so that they are valid for all its host names and are not stored twice. If URLs
/// are signed, the URLs of another session must have a valid signature.
struct ForwardedSession {
    /// In the order of the descriptor.
    let history: [String]
    let state: String?

    /// - Throws: ``ErrorResponse`` if the descriptor contains a text that is not a URL of HTTP; ``RunEngineError``.
    init(_ descriptor: SessionDescriptor, _ urls: SessionURLs, _ access: RunAccess) async throws {
        let engine = access.engine
        var urls = urls
        if (descriptor.history + [descriptor.state].compactMap(\.self)).contains(where: { urls.isMarkedElsewhere($0) })
        {
            // The URL may have been created under another host name of this server, or by another process on the same
            // storage.
            urls.origin = try await engine.originKey(of: descriptor.id).map(OriginMark.init)
        }
        var history: [String] = []
        var count: Int?
        for (index, url) in descriptor.history.enumerated() {
            switch urls.ownResource(url) {
            case .message(descriptor.id, let number):
                let known =
                    if let count { count } else { try await engine.history(of: descriptor.id, from: 0, limit: 0).total }
                count = known
                // A message that exists is already in the history. One that does not has expired: its link is kept, so
                // that readers of the history get an error.
                if number >= known { history.append(SessionResource.message(descriptor.id, number).path) }
            case .message(let session, let number)?:
                history.append(
                    try await Self.path(
                        of: .message(session, number), at: url, urls, access, "session.history[\(index)]"))
            case .state, nil:
                try Self.check(url, "session.history[\(index)]")
                history.append(url)
            }
        }
        self.history = history
        switch descriptor.state.map({ ($0, urls.ownResource($0)) }) {
        case (_, .state(descriptor.id))?, nil: state = nil
        case (let url, .state(let session))?:
            state = try await Self.path(of: .state(session), at: url, urls, access, "session.state")
        case (let url, _)?:
            try Self.check(url, "session.state")
            state = url
        }
    }

    /// Returns the path of another session's resource. Paths are read without further checks, and are signed in
    /// descriptors.
    ///
    /// - Throws: ``ErrorResponse``: 403 if the URL does not grant access to the resource.
    private static func path(
        of resource: SessionResource, at url: String, _ urls: SessionURLs, _ access: RunAccess, _ field: String
    ) async throws -> String {
        guard urls.grantsAccess(url, to: resource) else {
            throw ErrorResponse(
                .forbidden, .unauthorized,
                "\(field) is a URL of another session of this server that is not signed or has expired: get a new URL from that session's descriptor"
            )
        }
        // A signature grants access to everybody.
        if !urls.areSigned { try await access.requireSession(resource.session) }
        return resource.path
    }

    /// Checks that a link is a URL of HTTP, since a path would refer to this server's own resources. Whether the URL
    /// may be loaded is checked when an agent reads it.
    private static func check(_ url: String, _ field: String) throws {
        let scheme = url.prefix(8).lowercased()
        guard scheme.hasPrefix("http://") || scheme.hasPrefix("https://"), url.utf8.count <= 8_192 else {
            throw ErrorResponse(
                .unprocessableContent, .invalidInput,
                "\(field) is not a URL that begins with http:// or https:// and has at most 8192 bytes")
        }
    }
}
