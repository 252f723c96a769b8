// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPServer
import HTTPTypes
import Hummingbird

extension HTTPField.Name {
    static let a2aVersion = HTTPField.Name(known: A2A.Version.headerName)
    static let a2aExtensions = HTTPField.Name(known: A2A.Extensions.headerName)
    static let oldExtensions = HTTPField.Name(known: A2A.Extensions.oldHeaderName)
}

extension TaskService.Call {
    /// Reads the headers of a request.
    ///
    /// - Parameters:
    ///   - headers: The headers.
    ///   - declared: The extensions in the agent's card.
    ///   - isVersion03: Whether the client speaks version 0.3.
    /// - Throws: ``A2AError``: `extensionSupportRequired` or `invalidParams`.
    init(_ headers: HTTPFields, _ declared: [A2A.AgentExtension], isVersion03: Bool) throws(A2AError) {
        self.init()
        if !declared.isEmpty {
            let values = headers[values: .a2aExtensions] + (isVersion03 ? headers[values: .oldExtensions] : [])
            extensions = try A2A.Extensions.activate(
                requested: A2A.Extensions.uris(inHeaders: values), declared: declared)
        }
        idempotencyKey = headers[.idempotencyKey]
        if let text = headers[.lastEventID] {
            guard let number = Int(text), number >= 0, number < Int.max else {
                throw .invalidField(
                    "Last-Event-ID", "the id of an event of this task is expected, a whole number")
            }
            lastEventID = number
        }
    }
}

extension Request {
    /// Returns the version of the protocol in which a request is to be served.
    ///
    /// - Throws: ``A2AError``: `versionNotSupported`.
    func version(_ supported: [A2A.Version]) throws(A2AError) -> A2A.Version {
        let header = headers[.a2aVersion]
        // As nearly all clients write it, which requires no parsing.
        if header == "1.0", supported.contains(.v1) { return .v1 }
        let hasHeader = header?.contains { $0 != " " && $0 != "\t" } == true
        let query = hasHeader ? nil : uri.queryParameters[Substring(A2A.Version.headerName)].map(String.init)
        return try A2A.Version.negotiate(header: header, query: query, supported: supported)
    }

    /// The media type of the body, in lower case and without parameters.
    var mediaType: String? {
        headers[.contentType].map { type in type.prefix { $0 != ";" }.lowercased().filter { $0 != " " && $0 != "\t" } }
    }

    /// Whether the request has no body, as far as its headers tell.
    var isBodyEmpty: Bool {
        headers[.contentLength].map { $0 == "0" } ?? (headers[.transferEncoding] == nil)
    }

    /// Requires that a body is JSON, unless the client does not name its media type.
    ///
    /// - Throws: ``A2AFailure``: 415.
    func requireJSON() throws(A2AFailure) {
        // As nearly all clients write it, which requires no conversion.
        if headers[.contentType] == "application/json" { return }
        guard let type = mediaType, type != "application/json" else { return }
        guard type.hasPrefix("application/"), type.hasSuffix("+json") else {
            throw A2AFailure(
                A2AError(
                    .unsupportedMediaType,
                    "Content-Type is \"\(type.prefix(60))\": send JSON as application/json or application/a2a+json"))
        }
    }
}

extension Response {
    /// Adds the header that names the active extensions.
    mutating func setExtensions(_ uris: [String], isVersion03: Bool = false) {
        guard let value = A2A.Extensions.headerValue(uris) else { return }
        headers[isVersion03 ? .oldExtensions : .a2aExtensions] = value
    }
}
