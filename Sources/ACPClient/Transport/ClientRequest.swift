// SPDX-License-Identifier: Apache-2.0

import ACPCore
import NIOCore
import NIOHTTP1

/// A request to the server, without the common headers and the base URL.
struct ClientRequest: Sendable {
    enum Target: Sendable {
        /// A path below the base URL, with its query.
        case path(String)
        /// A URL from a response of the server.
        case url(String)
    }

    var method: HTTPMethod
    var target: Target
    var body: ByteBuffer?
    var accept = "application/json"
    var extraHeaders: [(String, String)] = []
    /// The run of the request, for errors.
    var runID: RunID?

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
struct ClientResponse: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: ByteBuffer

    var contentType: String { headers.mediaType }
}

extension HTTPHeaders {
    /// The content type without its parameters, in lower case.
    var mediaType: String {
        let value = first(name: "Content-Type") ?? ""
        return value.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
    }

    /// The delay that the server requests. Dates are not supported, since they require synchronized clocks.
    var retryAfter: Duration? {
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
