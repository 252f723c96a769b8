// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import HTTPTypes

/// What a caller's descriptor brings along that this server's storage does not have: links to messages, and to a state.
///
/// What is the server's own, under whatever name, becomes a path, so that it is found under whatever name the server is called by,
/// and is not kept twice. Where URLs are signed, that of another session has to be.
struct ForwardedSession {
    /// In the order of the descriptor.
    let history: [String]
    let state: String?

    /// - Throws: ``ErrorAnswer`` if the descriptor has something in it that is no URL of HTTP; ``RunEngineError``.
    init(_ descriptor: SessionDescriptor, _ urls: SessionURLs, _ engine: RunEngine) async throws {
        var urls = urls
        if (descriptor.history + [descriptor.state].compactMap(\.self)).contains(where: { urls.isMarkedElsewhere($0) })
        {
            // It may have been given out under another name of this server, or by another process on the same storage.
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
                // A message that is there stands in the history already. One that is not has expired: whoever reads the history
                // is to hear of it.
                if number >= known { history.append(SessionResource.message(descriptor.id, number).path) }
            case .message(let session, let number)?:
                history.append(try Self.path(of: .message(session, number), at: url, urls, "session.history[\(index)]"))
            case .state, nil:
                try Self.check(url, "session.history[\(index)]")
                history.append(url)
            }
        }
        self.history = history
        switch descriptor.state.map({ ($0, urls.ownResource($0)) }) {
        case (_, .state(descriptor.id))?, nil: state = nil
        case (let url, .state(let session))?:
            state = try Self.path(of: .state(session), at: url, urls, "session.state")
        case (let url, _)?:
            try Self.check(url, "session.state")
            state = url
        }
    }

    /// What another session of this server has. As a path it will be read without further questions, and given out signed.
    private static func path(
        of resource: SessionResource, at url: String, _ urls: SessionURLs, _ field: String
    ) throws -> String {
        guard urls.lets(url, read: resource) else {
            throw ErrorAnswer(
                .forbidden, .unauthorized,
                "\(field) leads to another session of this server and is not signed, or has expired: take a new URL from that session's descriptor"
            )
        }
        return resource.path
    }

    /// Whether it may be loaded is seen when an agent asks for it. But a path would be taken for the server's own.
    private static func check(_ url: String, _ field: String) throws {
        let scheme = url.prefix(8).lowercased()
        guard scheme.hasPrefix("http://") || scheme.hasPrefix("https://"), url.utf8.count <= 8_192 else {
            throw ErrorAnswer(
                .unprocessableContent, .invalidInput,
                "\(field) is no URL that begins with http:// or https:// and has at most 8192 bytes")
        }
    }
}
