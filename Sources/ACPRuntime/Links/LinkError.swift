// SPDX-License-Identifier: Apache-2.0

/// The reason why a resource was not loaded by its URL.
///
/// If an agent does not catch it, its run fails with this message.
public struct LinkError: Error, Sendable {
    /// The kind of an error. More kinds may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as the error data of a failed run contains it.
        public let description: String
        private init(_ description: String) { self.description = description }

        /// The URL is invalid, or cannot be loaded.
        public static let invalidURL = Code("invalid_url")
        /// This server does not load from the URL's address, for example because it is private.
        public static let refused = Code("refused")
        /// The other server redirects too often, or to another host.
        public static let redirected = Code("redirected")
        /// The other server cannot be reached, or has no certificate that is valid for it.
        public static let cannotConnect = Code("cannot_connect")
        /// The response was not complete before the deadline.
        public static let timedOut = Code("timed_out")
        /// The resource is larger than the limit, or the run has loaded as many bytes as it may.
        public static let tooLarge = Code("too_large")
        /// The run has loaded as many resources as it may.
        public static let tooMany = Code("too_many")
        /// The resource does not exist, or no longer exists.
        public static let notFound = Code("not_found")
        /// The other server requires credentials. None are ever sent.
        public static let denied = Code("denied")
        /// The other server failed, or its response is not what the URL should refer to.
        public static let badResponse = Code("bad_answer")
        /// Too many resources are being loaded at this moment.
        public static let overloaded = Code("overloaded")
        /// There is no resource loader, or it was closed.
        public static let unavailable = Code("unavailable")
    }

    /// The kind of the error.
    public var code: Code
    /// What went wrong and, where there is one, the remedy. URLs in it are shown without parts that may be secret.
    public var message: String
    /// The underlying error. It may contain addresses of the local network: log it, but do not send it to callers.
    public var cause: (any Error)?

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: The kind of the error.
    ///   - message: What went wrong and, where there is one, the remedy.
    ///   - cause: The underlying error. Defaults to none.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension LinkError: CustomStringConvertible {
    /// The code and the message.
    public var description: String { "\(code): \(message)" }
}

extension LinkError {
    /// Returns a URL as it may be shown: without user, password, query and fragment, and shortened.
    package static func shown(_ url: String) -> String {
        var rest = url[...]
        if let end = rest.firstIndex(where: { $0 == "?" || $0 == "#" }) { rest = rest[..<end] }
        var scheme: Substring = ""
        if let start = rest.firstRange(of: "://") {
            scheme = rest[..<start.upperBound]
            rest = rest[start.upperBound...]
        }
        let authority = rest.prefix { $0 != "/" && $0 != "\\" }
        if let at = authority.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        let text = (scheme + rest).unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }
        let visible = String(String.UnicodeScalarView(text))
        return visible.count > 200 ? visible.prefix(200) + "…" : visible
    }
}
