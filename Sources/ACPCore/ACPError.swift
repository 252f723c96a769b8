// SPDX-License-Identifier: Apache-2.0

/// What went wrong, as ACP says it: the body of every error answer, and what a failed run carries.
///
/// An agent throws one to fail its run with a code of its own:
///
/// ```swift
/// throw ACPError("quota_exceeded", "the model's quota is used up until \(reset)")
/// ```
public struct ACPError: Error, Sendable, Hashable {
    /// Tells programs what kind of error this is. The specification names three; other strings are allowed.
    public struct Code: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public init(stringLiteral value: String) { rawValue = value }

        /// The server or the agent failed.
        public static let serverError = Code(rawValue: "server_error")
        /// What the caller sent is wrong; sending it again will not help.
        public static let invalidInput = Code(rawValue: "invalid_input")
        /// No such agent, run, session or path.
        public static let notFound = Code(rawValue: "not_found")

        /// The request does not fit the state of what it is about, for example cancelling a finished run.
        public static let conflict = Code(rawValue: "conflict")
        /// The server cannot take the request now; a later one may succeed.
        public static let unavailable = Code(rawValue: "unavailable")
        /// A credential is missing or wrong.
        public static let unauthorized = Code(rawValue: "unauthorized")
        /// The run was cancelled.
        public static let cancelled = Code(rawValue: "cancelled")
        /// Nobody answered the agent's question in time.
        public static let timedOut = Code(rawValue: "timed_out")
    }

    public var code: Code
    /// What went wrong and, where there is one, the remedy.
    public var message: String
    /// Details for programs.
    public var data: JSONObject?

    public init(_ code: Code, _ message: String, data: JSONObject? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }
}

extension ACPError: CustomStringConvertible {
    public var description: String { "\(code.rawValue): \(message)" }
}
