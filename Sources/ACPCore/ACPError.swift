// SPDX-License-Identifier: Apache-2.0

/// An error in the form that ACP defines: the body of every error response, and the error of a failed run.
///
/// An agent throws one to fail its run with a code of its own:
///
/// ```swift
/// throw ACPError("quota_exceeded", "the model's quota is used up until \(reset)")
/// ```
public struct ACPError: Error, Sendable, Hashable {
    /// The kind of an error, for programs.
    ///
    /// The specification defines three codes: ``serverError``, ``invalidInput`` and ``notFound``. All others, those
    /// below and those of your own agents, are extensions. Clients of this package keep any code. Some other clients,
    /// such as the TypeScript client, accept the three codes of the specification only and reject a run or a response
    /// with another one: if such clients call your agents, fail runs with one of the three, and put details into
    /// ``ACPError/data``.
    public struct Code: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral {
        /// The code as it is transmitted.
        public let rawValue: String

        /// Creates a code from any string.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Creates a code from a string literal.
        public init(stringLiteral value: String) { rawValue = value }

        // MARK: Codes of the specification

        /// `server_error`: the server, its storage or the agent failed. The request was not at fault.
        ///
        /// The server responds with status 500. A run fails with this code if its agent throws an error that is not an
        /// ``ACPError``, or if its process ended before the run did.
        public static let serverError = Code(rawValue: "server_error")

        /// `invalid_input`: the request is malformed or holds a value that is not allowed. Sending it again does not
        /// help.
        ///
        /// The server responds with status 422, or with another status from 400 to 499 that describes the fault better.
        public static let invalidInput = Code(rawValue: "invalid_input")

        /// `not_found`: there is no such agent, run, session or path. A run may also have expired or been deleted.
        ///
        /// The server responds with status 404.
        public static let notFound = Code(rawValue: "not_found")

        // MARK: Extensions of this package

        /// `conflict`: the request does not fit the current state of its subject, for example cancelling a run that has
        /// ended.
        ///
        /// The server responds with status 403 or 409. Not part of the specification.
        public static let conflict = Code(rawValue: "conflict")

        /// `unavailable`: the server cannot process the request now. A later one may succeed.
        ///
        /// The server responds with status 503 and the header field `Retry-After`. Not part of the specification.
        public static let unavailable = Code(rawValue: "unavailable")

        /// `unauthorized`: a credential or a signature is missing or wrong.
        ///
        /// The server responds with status 401 or 403. Not part of the specification.
        public static let unauthorized = Code(rawValue: "unauthorized")

        /// `cancelled`: the run was cancelled.
        ///
        /// Thrown by ``Run/checked()``; servers of this package do not send it. Not part of the specification.
        public static let cancelled = Code(rawValue: "cancelled")

        /// `timed_out`: the run failed because its caller did not answer the agent's question before
        /// ``Run/awaitDeadline``.
        ///
        /// Not part of the specification.
        public static let timedOut = Code(rawValue: "timed_out")

        /// `rejected`: the agent has refused the run, because it does not do what the input asks for.
        ///
        /// Thrown by agents. Not part of the specification.
        public static let rejected = Code(rawValue: "rejected")
    }

    /// The kind of the error.
    public var code: Code
    /// What went wrong and, if there is one, the remedy. For people.
    public var message: String
    /// Details for programs.
    public var data: JSONObject?

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: The kind of the error.
    ///   - message: What went wrong and, if there is one, the remedy. Callers read it: it must not contain secrets.
    ///   - data: Details for programs. Defaults to `nil`.
    public init(_ code: Code, _ message: String, data: JSONObject? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }
}

extension ACPError: CustomStringConvertible {
    /// The code and the message.
    public var description: String { "\(code.rawValue): \(message)" }
}
