// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage

/// Loads what this server keeps itself from its storage, and everything else with another loader.
struct ServerLinks: ResourceLoader {
    let storage: any Storage
    /// The server's own URLs, where they do not depend on the request.
    let urls: SessionURLs?
    /// Signs the server's own URLs. A content URL, which may come from a stranger, has to be signed then.
    let signing: URLSigning?
    /// Nil if nothing is loaded from other servers.
    let other: (any ResourceLoader)?

    func load(_ request: ResourceRequest) async throws -> LoadedResource {
        // Only what this server wrote down itself is a path. A caller's content URL may not be one.
        if request.purpose != .content, let resource = SessionResource(path: request.url) {
            if case .message(request.session, _) = resource {
                // It was kept because the session did not have it then. What stands in its place now is something else.
                throw gone(resource)
            }
            return try await load(resource)
        }
        if let resource = urls?.ownResource(request.url) {
            if request.purpose == .content { try checkSignature(of: request.url, for: resource) }
            return try await load(resource)
        }
        guard let other else {
            throw LinkError(
                .unavailable,
                "\(LinkError.shown(request.url)) was not loaded: this server does not load what others keep (ServerConfiguration.links)"
            )
        }
        return try await other.load(request)
    }

    private func checkSignature(of url: String, for resource: SessionResource) throws {
        guard let signing, !signing.signed(url, for: resource) else { return }
        throw LinkError(
            .denied,
            "\(LinkError.shown(url)) was not loaded: it is not signed, or has expired. The session's descriptor has a new one"
        )
    }

    private func load(_ resource: SessionResource) async throws -> LoadedResource {
        switch resource {
        case .message(let session, let index):
            switch try await storage.history(of: session, from: index, limit: 1).items.first {
            case .message(let message):
                return LoadedResource(bytes: try ACPJSON.encode(message), contentType: "application/json")
            case .link(let url):
                throw LinkError(
                    .notFound,
                    "message \(index) of session \(session) was not loaded: another server keeps it, \(LinkError.shown(url))"
                )
            case nil: throw gone(resource)
            }
        case .state(let session):
            guard let state = try await storage.session(session)?.state else { throw gone(resource) }
            return LoadedResource(bytes: state.bytes, contentType: state.contentType)
        }
    }

    private func gone(_ resource: SessionResource) -> LinkError {
        let what =
            switch resource {
            case .message(let session, let index): "message \(index) of session \(session)"
            case .state(let session): "the state of session \(session)"
            }
        return LinkError(
            .notFound, "\(what) was not loaded: this server does not have it any more. It has expired, or was deleted")
    }
}
