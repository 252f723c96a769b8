// SPDX-License-Identifier: Apache-2.0

/// Why something that a URL points to was not loaded.
///
/// An agent that does not catch it fails its run with this message.
public struct LinkError: Error, Sendable {
    /// What kind of error this is.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String
        private init(_ description: String) { self.description = description }

        /// This is no URL that can be loaded.
        public static let invalidURL = Code("invalid_url")
        /// The URL leads to where this server does not load anything from: a private address, for example.
        public static let refused = Code("refused")
        /// The other server redirects too often, or to another host.
        public static let redirected = Code("redirected")
        /// The other server cannot be reached, or has no certificate that is valid for it.
        public static let cannotConnect = Code("cannot_connect")
        /// The time was up before all had come.
        public static let timedOut = Code("timed_out")
        /// There is more than may be loaded.
        public static let tooLarge = Code("too_large")
        /// The run has loaded as many things as it may.
        public static let tooMany = Code("too_many")
        /// There is nothing (any more).
        public static let notFound = Code("not_found")
        /// The other server wants a credential. None is ever sent.
        public static let denied = Code("denied")
        /// The other server failed, or answered with something that is not what the URL should lead to.
        public static let badAnswer = Code("bad_answer")
        /// Too much is being loaded at this moment.
        public static let overloaded = Code("overloaded")
        /// Nothing is loaded here (any more): there is no loader, or it was closed.
        public static let unavailable = Code("unavailable")
    }

    public var code: Code
    /// What went wrong and, where there is one, the remedy. URLs stand in it without what may be secret.
    public var message: String
    /// The error below. It may name addresses of this machine's network, so it is for logs and not for callers.
    public var cause: (any Error)?

    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension LinkError: CustomStringConvertible {
    public var description: String { "\(code): \(message)" }
}

extension LinkError {
    /// A URL as it may be shown: without user, password, query and fragment, and not too long.
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
