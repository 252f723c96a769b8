// SPDX-License-Identifier: Apache-2.0

import Crypto
import HTTPTypes
import Hummingbird
import NIOCore

/// How long a client may use a response again without a new request.
enum Freshness: Equatable {
    /// The resource does not change. The response can be reused for a number of seconds.
    case immutable(Int)
    /// The resource may change. Each use is revalidated, and the resource is sent again only if it has changed.
    case revalidated

    /// The value of the `Cache-Control` header.
    var cacheControl: String {
        switch self {
        case .immutable(let seconds): "private, max-age=\(seconds), immutable"
        case .revalidated: "private, no-cache"
        }
    }
}

extension Response {
    /// Returns a response with the bytes of a resource and an entity tag, or 304 if the client has the current version.
    ///
    /// Callers can store any bytes, HTML included, and browsers may trust this server's origin. Therefore headers tell
    /// browsers not to execute scripts, not to display the resource in other pages, and to display only types that are
    /// safe. Like all responses, it also has ``BrowserHeaders/protection``.
    static func resource(
        _ bytes: [UInt8], contentType: String, freshness: Freshness, to request: Request
    ) -> Response {
        let tag = "\"\(SHA256.hash(data: Array(contentType.utf8) + [0] + bytes).prefix(16).base64URL)\""
        var headers: HTTPFields = [
            .eTag: tag,
            .cacheControl: freshness.cacheControl,
            .contentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'; sandbox",
            .xFrameOptions: "DENY",
        ]
        if request.hasCurrent(tag) { return Response(status: .notModified, headers: headers) }
        headers[.contentType] = contentType
        if !isSafeToDisplay(contentType) { headers[.contentDisposition] = "attachment" }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// Whether a browser can display a type without executing anything.
    private static func isSafeToDisplay(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return ["application/json", "text/plain", "image/png", "image/jpeg", "image/gif", "image/webp"].contains(type)
    }

    /// Limits how long the response may be cached, so that it is not used for longer than its signed URL is valid.
    mutating func limitCaching(to seconds: Int) {
        guard headers[.cacheControl] == Freshness.immutable(Response.messageLifetime).cacheControl else { return }
        headers[.cacheControl] = Freshness.immutable(min(seconds, Response.messageLifetime)).cacheControl
    }

    /// How long a message may be cached, in seconds. A message does not change, but its session can be deleted and
    /// created again with the same id.
    static let messageLifetime = 3_600
}

extension Request {
    /// Whether the client has the version with a strong entity tag, or with the weak one of the same text.
    package func hasCurrent(_ tag: String) -> Bool {
        headers[values: .ifNoneMatch].joined(separator: ",").split(separator: ",").contains { item in
            let item = item.filter { $0 != " " && $0 != "\t" }
            return item == "*" || item == tag || item == "W/" + tag
        }
    }
}
