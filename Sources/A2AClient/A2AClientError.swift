// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPClient

/// An error of a client: a code for programs, a message for people, and the underlying cause.
///
/// The message describes what was attempted and, if there is one, the remedy. It contains no tokens. A failed task is
/// not an error of the client: it is returned with its status.
///
/// ```swift
/// do {
///     let task = try await client.task("8f14e45f")
/// } catch let error as A2AClientError where error.serverError?.code == .taskNotFound {
///     print("the task does not exist")
/// }
/// ```
public struct A2AClientError: Error, Sendable {
    /// The kind of an error. More kinds may be added.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case invalidURL, invalidConfiguration, cannotConnect, timedOut, connectionLost, invalidResponse
            case serverError, noSupportedInterface, untrustedCard, untrustedInterface
            case streamBroken, streamConsumed, closed
        }

        private let value: Value

        /// The URL is not valid.
        public static let invalidURL = Code(value: .invalidURL)
        /// A setting, a header, a certificate or a parameter is not valid.
        public static let invalidConfiguration = Code(value: .invalidConfiguration)
        /// No connection could be established. Nothing was sent.
        public static let cannotConnect = Code(value: .cannotConnect)
        /// The response did not arrive in time. The server may have processed the request.
        public static let timedOut = Code(value: .timedOut)
        /// The connection was lost before the response was complete. The server may have processed the request.
        public static let connectionLost = Code(value: .connectionLost)
        /// The response is not valid A2A.
        public static let invalidResponse = Code(value: .invalidResponse)
        /// The server responded with an error: see ``A2AClientError/serverError`` and ``A2AClientError/status``.
        public static let serverError = Code(value: .serverError)
        /// The agent card offers no interface that this client supports.
        public static let noSupportedInterface = Code(value: .noSupportedInterface)
        /// The agent card has no valid signature.
        public static let untrustedCard = Code(value: .untrustedCard)
        /// The agent card names an interface of another origin, to which the token is not sent.
        public static let untrustedInterface = Code(value: .untrustedInterface)
        /// A stream was interrupted and could not be continued: see ``A2AClientError/taskID`` and
        /// ``A2AClientError/lastEventID``.
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
    /// The error of the response, if the server sent one.
    public var serverError: A2AError?
    /// The HTTP status of the response, if one arrived.
    public var status: Int?
    /// How long to wait before the next attempt, if the server requests it in seconds.
    public var retryAfter: Duration?
    /// The task of the call, if it is known.
    public var taskID: A2A.TaskID?
    /// The id of the last event that was delivered before a stream was interrupted, if the server numbers its events.
    /// ``A2AClient/subscribe(to:after:)`` continues from there.
    public var lastEventID: String?

    /// Creates an error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}

extension A2AClientError: CustomStringConvertible {
    /// Code, message and cause in one line.
    public var description: String {
        guard let cause else { return "\(code): \(message)" }
        return "\(code): \(message) (cause: \(cause))"
    }
}

extension A2AClientError {
    /// Converts an error of the transport.
    init(_ error: ACPClientError) {
        let code: Code =
            switch error.code {
            case .invalidURL: .invalidURL
            case .invalidConfiguration: .invalidConfiguration
            case .cannotConnect: .cannotConnect
            case .timedOut: .timedOut
            case .connectionLost: .connectionLost
            case .serverError: .serverError
            case .closed: .closed
            default: .invalidResponse
            }
        self.init(code, error.message, cause: error.cause)
        status = error.status
        retryAfter = error.retryAfter
    }

    /// Whether another attempt of an idempotent request may succeed.
    var isTransient: Bool {
        switch code {
        case .cannotConnect, .timedOut, .connectionLost: true
        case .serverError:
            switch serverError?.code {
            case .unavailable?, .rateLimited?, .internalError?: true
            default: status.map { $0 == 408 || $0 == 429 || ($0 >= 500 && $0 != 501) } ?? false
            }
        default: false
        }
    }
}
