// SPDX-License-Identifier: Apache-2.0

import Crypto
import HTTPTypes
import Hummingbird
import NIOCore

/// How long an answer may be used again without asking.
enum Freshness: Equatable {
    /// What never changes as long as it is there, for seconds.
    case immutable(Int)
    /// What may have changed: it is asked for each time, and sent only if it has.
    case revalidated

    var cacheControl: String {
        switch self {
        case .immutable(let seconds): "private, max-age=\(seconds), immutable"
        case .revalidated: "private, no-cache"
        }
    }
}

extension Response {
    /// Bytes that somebody has put into a session, with an entity tag; or 304 without them, if the client has them already.
    ///
    /// They may be anything, HTML included, and this server's own origin may mean something to a browser: so it is told to neither
    /// guess the type nor to run anything, and to show only what is harmless.
    static func resource(
        _ bytes: [UInt8], contentType: String, freshness: Freshness, to request: Request
    ) -> Response {
        let tag = "\"\(SHA256.hash(data: Array(contentType.utf8) + [0] + bytes).prefix(16).base64URL)\""
        var headers: HTTPFields = [
            .eTag: tag,
            .cacheControl: freshness.cacheControl,
            .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy: "default-src 'none'; sandbox",
        ]
        if request.hasCurrent(tag) { return Response(status: .notModified, headers: headers) }
        headers[.contentType] = contentType
        if !isHarmless(contentType) { headers[.contentDisposition] = "attachment" }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// Whether a browser can show it without interpreting it.
    private static func isHarmless(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return ["application/json", "text/plain", "image/png", "image/jpeg", "image/gif", "image/webp"].contains(type)
    }

    /// Lets nobody use the answer for longer than the URL can be used that it was given for.
    mutating func limitCaching(to seconds: Int) {
        guard headers[.cacheControl] == Freshness.immutable(Response.messageLifetime).cacheControl else { return }
        headers[.cacheControl] = Freshness.immutable(min(seconds, Response.messageLifetime)).cacheControl
    }

    /// For how many seconds a message may be used again. A message does not change, but its session may be deleted, and begin again
    /// under the same id.
    static let messageLifetime = 3_600
}

extension Request {
    /// Whether the client says that it has this version.
    fileprivate func hasCurrent(_ tag: String) -> Bool {
        headers[values: .ifNoneMatch].joined(separator: ",").split(separator: ",").contains { item in
            let item = item.filter { $0 != " " && $0 != "\t" }
            return item == "*" || item == tag || item == "W/" + tag
        }
    }
}
