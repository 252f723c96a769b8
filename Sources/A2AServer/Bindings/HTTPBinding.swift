// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPServer
import HTTPTypes
import Hummingbird

/// The binding `HTTP+JSON`: paths and verbs of HTTP.
struct HTTPBinding: Sendable {
    static let mediaType = "application/a2a+json"

    let operations: Operations

    /// Responds to a request.
    ///
    /// - Throws: ``A2AFailure``, ``A2AError`` and others, which become error responses.
    func respond(
        to request: Request, _ context: some RemoteAddressRequestContext, call: A2A.HTTPCall, agent: ServedAgent,
        access: RunAccess
    ) async throws -> Response {
        _ = try request.version([.v1])
        try access.require(call.method.requiredRole)
        let method: MethodRequest
        if call.method.hasBody, !request.isBodyEmpty {
            try request.requireJSON()
            method = try await operations.environment.withJSON(of: request) {
                try MethodRequest(call, query: request.uri.query, body: $0.readableBytesView)
            }
        } else {
            method = try MethodRequest(call, query: request.uri.query, body: EmptyCollection())
        }
        let (outcome, extensions) = try await operations.perform(method, at: agent, of: request, context, access)
        var response =
            switch outcome {
            case .result(let result): Response(json: try result.encoded(PlainEncoder()), type: mediaType(of: request))
            case .stream(let stream):
                operations.response(of: stream, PlainStreamEncoder(), to: request, context)
            }
        response.setExtensions(extensions)
        return response
    }

    /// Returns the media type of a response: that of the request, because some clients accept only the one that they
    /// send.
    private func mediaType(of request: Request) -> String {
        if let type = request.mediaType, !request.isBodyEmpty {
            return type == "application/json" ? type : Self.mediaType
        }
        let accepted = request.headers[values: .accept].joined(separator: ",").lowercased()
        return accepted.contains("application/json") && !accepted.contains(Self.mediaType)
            ? "application/json" : Self.mediaType
    }
}

extension A2A.Method {
    /// Whether requests of HTTP have a body with parameters.
    fileprivate var hasBody: Bool {
        switch self {
        case .sendMessage, .sendStreamingMessage, .cancelTask, .createTaskPushNotificationConfig: true
        default: false
        }
    }
}
