// SPDX-License-Identifier: Apache-2.0

import ACPCore
import NIOCore
import NIOHTTP1

/// A request to the server, without the common headers and the base URL.
package struct ClientRequest: Sendable {
    package enum Target: Sendable, Equatable {
        /// A path below the base URL, with its query.
        case path(String)
        /// A URL from a response of the server.
        case url(String)
    }

    package var method: HTTPMethod
    package var target: Target
    package var body: ByteBuffer?
    package var accept = "application/json"
    package var extraHeaders: [(String, String)] = []
    /// Whether the token and the configured headers are sent even if the target has another origin than the base URL.
    package var isTrusted = false
    /// Whether a response with an error status is returned instead of thrown.
    package var acceptsErrors = false
    /// Whether sending the request twice has the same effect as sending it once. Defaults to `true` for GET.
    package var isIdempotent: Bool
    /// The name of the operation, for errors. If `nil`, the method and the path are its name.
    package var name: String?
    /// The run of the request, for errors.
    var runID: RunID?

    package init(method: HTTPMethod, target: Target, body: ByteBuffer? = nil) {
        self.method = method
        self.target = target
        self.body = body
        isIdempotent = method == .GET
    }

    init(method: HTTPMethod, target: Target, body: ByteBuffer? = nil, runID: RunID?) {
        self.init(method: method, target: target, body: body)
        self.runID = runID
    }

    static func get(_ path: String, runID: RunID? = nil) -> ClientRequest {
        ClientRequest(method: .GET, target: .path(path), runID: runID)
    }

    static func post(_ path: String, runID: RunID? = nil) -> ClientRequest {
        ClientRequest(method: .POST, target: .path(path), runID: runID)
    }

    static func post(_ path: String, json: some Encodable, runID: RunID? = nil) throws -> ClientRequest {
        do {
            let body = ByteBuffer(bytes: try ACPJSON.encode(json))
            return ClientRequest(method: .POST, target: .path(path), body: body, runID: runID)
        } catch {
            throw ACPClientError(.invalidConfiguration, "the request cannot be encoded: \(error.message)", cause: error)
        }
    }

    /// Returns the request that creates a run.
    static func creation(_ request: RunCreateRequest) throws -> ClientRequest {
        var creation = try post("/runs", json: request)
        if let fault = request.idempotencyKey.flatMap(HeaderValue.idempotencyKeyFault) {
            throw ACPClientError(.invalidConfiguration, "the idempotency key \(fault)")
        }
        if let key = request.idempotencyKey { creation.extraHeaders.append(("Idempotency-Key", key)) }
        return creation
    }

    static func delete(_ path: String, runID: RunID? = nil) -> ClientRequest {
        ClientRequest(method: .DELETE, target: .path(path), runID: runID)
    }
}

/// A complete response.
package struct ClientResponse: Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    package var body: ByteBuffer

    package var contentType: String { headers.mediaType }
}

extension HTTPHeaders {
    /// The content type without its parameters, in lower case.
    package var mediaType: String {
        let value = first(name: "Content-Type") ?? ""
        return value.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    }

    /// The delay that the server requests. Dates are not supported, since they require synchronized clocks.
    package var retryAfter: Duration? {
        guard let seconds = first(name: "Retry-After").flatMap({ Int($0) }), seconds >= 0 else { return nil }
        return .seconds(Swift.min(seconds, 86_400))
    }

    var runID: RunID? { first(name: "Run-ID").flatMap(RunID.init(rawValue:)) }
}

/// Returns a path with the query items that have a value. The names and values of ACP require no escaping: they are
/// numbers and identifiers of unreserved characters.
func path(_ path: String, query: [(String, String?)]) -> String {
    let items = query.compactMap { name, value in value.map { "\(name)=\($0)" } }
    return items.isEmpty ? path : path + "?" + items.joined(separator: "&")
}
