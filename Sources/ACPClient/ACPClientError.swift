// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// What kept a call from succeeding: a code for programs, a message for people, and the cause below.
///
/// The message names what was tried and, where there is one, the remedy. An agent that fails is no error of the client:
/// the run says so itself, see `Run.checked()`.
///
/// ```swift
/// do {
///     let run = try await client.run(agent: "writer", input: "Hello")
/// } catch let error as ACPClientError where error.code == .serverError && error.serverError?.code == .notFound {
///     print("no such agent")
/// }
/// ```
public struct ACPClientError: Error, Sendable {
    /// Tells programs what kind of error this is. New kinds may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case invalidURL, invalidConfiguration, cannotConnect, timedOut, connectionLost, invalidResponse
            case serverError, streamBroken, streamConsumed, closed
        }

        private let value: Value

        /// The base URL is not one that a server can be reached by.
        public static let invalidURL = Code(value: .invalidURL)
        /// A setting, a header or a certificate is not usable.
        public static let invalidConfiguration = Code(value: .invalidConfiguration)
        /// No connection could be made. Nothing was sent.
        public static let cannotConnect = Code(value: .cannotConnect)
        /// The answer did not come in time. The server may have taken the request all the same.
        public static let timedOut = Code(value: .timedOut)
        /// The connection broke before the answer was complete. The server may have taken the request all the same.
        public static let connectionLost = Code(value: .connectionLost)
        /// What came back is not ACP.
        public static let invalidResponse = Code(value: .invalidResponse)
        /// The server answered with an error: see ``ACPClientError/serverError`` and ``ACPClientError/status``.
        public static let serverError = Code(value: .serverError)
        /// A stream of events broke off and could not be continued: see ``ACPClientError/runID`` and
        /// ``ACPClientError/lastIndex``.
        public static let streamBroken = Code(value: .streamBroken)
        /// A stream that can be read once was read twice.
        public static let streamConsumed = Code(value: .streamConsumed)
        /// The client was closed.
        public static let closed = Code(value: .closed)

        public var description: String { value.rawValue }
    }

    public var code: Code
    /// What went wrong and, where there is one, the remedy.
    public var message: String
    /// The error below, if there is one.
    public var cause: (any Error)?
    /// The server's own words, if it answered with an error.
    public var serverError: ACPError?
    /// The HTTP status of the answer, if one came.
    public var status: Int?
    /// How long the server asks to wait before the next attempt, if it says so in seconds.
    public var retryAfter: Duration?
    /// The run that the call was about, if it is known.
    public var runID: RunID?
    /// The index of the last event that was delivered before a stream broke off, if the server numbers its events or
    /// the stream began with the first one. ``ACPClient/follow(_:after:until:)`` continues from there.
    public var lastIndex: Int?

    /// An error with a code, a message and a cause.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension ACPClientError: CustomStringConvertible {
    /// Code, message and cause in one line.
    public var description: String {
        guard let cause else { return "\(code): \(message)" }
        return "\(code): \(message) (cause: \(cause))"
    }
}

extension ACPClientError {
    /// Whether asking again, with a request that changes nothing, may succeed.
    var isTransient: Bool {
        switch code {
        case .cannotConnect, .timedOut, .connectionLost: true
        case .serverError: status.map { $0 == 408 || $0 == 429 || ($0 >= 500 && $0 != 501) } ?? false
        default: false
        }
    }
}
