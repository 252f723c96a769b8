// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPRuntime
import ACPStorage

/// Loads this server's own resources from its storage, and all others with another loader.
struct ServerResourceLoader: ResourceLoader {
    let storage: any Storage
    /// The server's own URLs. `nil` if they depend on the request.
    let urls: SessionURLs?
    /// Signs the server's own URLs. If set, content URLs, which any caller can send, must be signed.
    let signing: URLSigning?
    /// The loader for other servers. `nil` if nothing is loaded from them.
    let other: (any ResourceLoader)?
    /// Whether sessions belong to principals. Then a run can load what is in the sessions of its principal, and what has a
    /// signed URL.
    var isIsolated = false

    func load(_ request: ResourceRequest) async throws -> LoadedResource {
        // Only links that this server stored itself are paths. A caller's content URL must not be one.
        if request.purpose != .content, let resource = SessionResource(path: request.url) {
            if case .message(request.session, _) = resource {
                // The link was stored because the session did not have the message. A message that has this index now
                // is another one.
                throw gone(resource)
            }
            return try await load(resource)
        }
        if let resource = urls?.ownResource(request.url) {
            if request.purpose == .content { try checkSignature(of: request.url, for: resource) }
            try await checkOwner(of: resource, request)
            return try await load(resource)
        }
        guard let other else {
            throw LinkError(
                .unavailable,
                "\(LinkError.shown(request.url)) was not loaded: loading from other servers is disabled (ServerConfiguration.links)"
            )
        }
        return try await other.load(request)
    }

    private func checkSignature(of url: String, for resource: SessionResource) throws {
        guard let signing, !signing.isSigned(url, for: resource) else { return }
        throw LinkError(
            .denied,
            "\(LinkError.shown(url)) was not loaded: it is not signed, or has expired. Get a new URL from the session's descriptor"
        )
    }

    private func checkOwner(of resource: SessionResource, _ request: ResourceRequest) async throws {
        guard isIsolated, signing?.isSigned(request.url, for: resource) != true else { return }
        let owner = try await storage.owner(of: resource.session)
        guard let principal = request.principal, owner == .principal(principal) else { throw gone(resource) }
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
                    "message \(index) of session \(session) was not loaded: it is stored on another server, \(LinkError.shown(url))"
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
            .notFound, "\(what) was not loaded: it has expired or was deleted")
    }
}
