// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// An error of a client: a code for programs, a message for people, and the underlying cause.
///
/// The message describes what was attempted and, if there is one, the remedy. A failed run is not an error of the
/// client: it is returned with its own error, see `Run.checked()`.
///
/// ```swift
/// do {
///     let run = try await client.run(agent: "writer", input: "Hello")
/// } catch let error as ACPClientError where error.code == .serverError && error.serverError?.code == .notFound {
///     print("the agent does not exist")
/// }
/// ```
public struct ACPClientError: Error, Sendable {
    /// The kind of an error. More kinds may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case invalidURL, invalidConfiguration, cannotConnect, timedOut, connectionLost, invalidResponse
            case serverError, streamBroken, streamConsumed, closed
        }

        private let value: Value

        /// The base URL is not valid.
        public static let invalidURL = Code(value: .invalidURL)
        /// A setting, a header or a certificate is not valid.
        public static let invalidConfiguration = Code(value: .invalidConfiguration)
        /// No connection could be established. Nothing was sent.
        public static let cannotConnect = Code(value: .cannotConnect)
        /// The response did not arrive in time. The server may have processed the request.
        public static let timedOut = Code(value: .timedOut)
        /// The connection was lost before the response was complete. The server may have processed the request.
        public static let connectionLost = Code(value: .connectionLost)
        /// The response is not valid ACP.
        public static let invalidResponse = Code(value: .invalidResponse)
        /// The server responded with an error: see ``ACPClientError/serverError`` and ``ACPClientError/status``.
        public static let serverError = Code(value: .serverError)
        /// A stream of events was interrupted and could not be continued: see ``ACPClientError/runID`` and
        /// ``ACPClientError/lastIndex``.
        public static let streamBroken = Code(value: .streamBroken)
        /// A stream was iterated twice.
        public static let streamConsumed = Code(value: .streamConsumed)
        /// The client was closed.
        public static let closed = Code(value: .closed)

        /// The code's name.
        public var description: String { value.rawValue }
    }

    /// The kind of the error.
    public var code: Code
    /// What went wrong and, if there is one, the remedy.
    public var message: String
    /// The underlying error, if there is one.
    public var cause: (any Error)?
    /// The error object of the response, if the server sent one.
    public var serverError: ACPError?
    /// The HTTP status of the response, if one arrived.
    public var status: Int?
    /// How long to wait before the next attempt, if the server requests it in seconds.
    public var retryAfter: Duration?
    /// The run of the call, if it is known.
    public var runID: RunID?
    /// The index of the last event that was delivered before a stream was interrupted, if the server numbers its events
    /// or the stream began with the first one. ``ACPClient/follow(_:after:until:)`` continues from there.
    public var lastIndex: Int?

    /// Creates an error.
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
    /// Whether another attempt of an idempotent request may succeed.
    package var isTransient: Bool {
        switch code {
        case .cannotConnect, .timedOut, .connectionLost: true
        case .serverError: status.map { $0 == 408 || $0 == 429 || ($0 >= 500 && $0 != 501) } ?? false
        default: false
        }
    }
}
