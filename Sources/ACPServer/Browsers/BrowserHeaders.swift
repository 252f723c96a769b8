// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// The headers of responses that tell browsers what pages may do with them.
struct BrowserHeaders: Sendable {
    /// The headers of all responses.
    let common: [HTTPField]
    private let allowsCredentials: Bool
    private let lifetime: String

    init(_ configuration: BrowserConfiguration) {
        var fields = Self.protection
        // Caches must not send a response for one origin to a page of another.
        if !configuration.allowedOrigins.isEmpty { fields.append(HTTPField(name: .vary, value: "Origin")) }
        common = fields
        allowsCredentials = configuration.allowsCredentials
        lifetime = "\(min(configuration.preflightLifetime.components.seconds, 86_400))"
    }

    /// Headers with which browsers neither guess the type of a response, nor include it in pages of other origins, nor
    /// send its URL to other servers.
    static let protection = [
        HTTPField(name: .xContentTypeOptions, value: "nosniff"),
        HTTPField(name: .crossOriginResourcePolicy, value: "same-origin"),
        HTTPField(name: .referrerPolicy, value: "no-referrer"),
    ]

    /// Adds the headers with which a page of a listed origin may read a response.
    func allow(_ origin: String, in fields: inout HTTPFields) {
        fields[.accessControlAllowOrigin] = origin
        fields[.accessControlExposeHeaders] = Self.exposedHeaders
        if allowsCredentials { fields[.accessControlAllowCredentials] = "true" }
    }

    /// Returns the headers of the response to a preflight request of a listed origin.
    func preflight(_ origin: String) -> HTTPFields {
        var fields: HTTPFields = [
            .accessControlAllowOrigin: origin,
            .accessControlAllowMethods: "GET, HEAD, POST, PUT, PATCH, DELETE",
            .accessControlAllowHeaders: Self.allowedHeaders,
            .accessControlMaxAge: lifetime,
        ]
        if allowsCredentials { fields[.accessControlAllowCredentials] = "true" }
        return fields
    }

    private static let allowedHeaders = """
        Authorization, Content-Type, Accept, Last-Event-ID, Idempotency-Key, If-None-Match, Cache-Control, A2A-Version, \
        A2A-Extensions, X-A2A-Extensions, traceparent, tracestate
        """
    private static let exposedHeaders =
        "Run-ID, ETag, Retry-After, Allow, WWW-Authenticate, A2A-Extensions, X-A2A-Extensions"
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name(known: "Referrer-Policy")
    static let xFrameOptions = HTTPField.Name(known: "X-Frame-Options")
}
