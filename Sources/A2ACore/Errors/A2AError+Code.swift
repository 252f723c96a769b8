// SPDX-License-Identifier: Apache-2.0

extension A2AError {
    /// The kind of an error, with what stands for it in each binding. Servers may define others than those of the protocol.
    public struct Code: Sendable, Hashable {
        /// The code of JSON-RPC.
        public var number: Int
        /// The status of HTTP.
        public var httpStatus: Int
        /// The status of gRPC.
        public var grpcStatus: GRPCStatus
        /// The name of the kind for programs, in upper case.
        public var reason: String

        /// Creates a code.
        ///
        /// - Parameters:
        ///   - number: The code of JSON-RPC. Codes of servers are from -32099 to -32000; the protocol uses -32001 to -32009.
        ///   - httpStatus: The status of HTTP.
        ///   - grpcStatus: The status of gRPC.
        ///   - reason: The name of the kind, in upper case.
        public init(number: Int, httpStatus: Int, grpcStatus: GRPCStatus, reason: String) {
            self.number = number
            self.httpStatus = httpStatus
            self.grpcStatus = grpcStatus
            self.reason = reason
        }

        private init(_ number: Int, _ httpStatus: Int, _ grpcStatus: GRPCStatus, _ reason: String) {
            self.init(number: number, httpStatus: httpStatus, grpcStatus: grpcStatus, reason: reason)
        }

        /// There is no such task, or the caller may not see it.
        public static let taskNotFound = Code(-32001, 404, .notFound, "TASK_NOT_FOUND")
        /// The task is in a state in which it cannot be canceled.
        public static let taskNotCancelable = Code(-32002, 400, .failedPrecondition, "TASK_NOT_CANCELABLE")
        /// The agent does not push notifications.
        public static let pushNotificationNotSupported = Code(
            -32003, 400, .failedPrecondition, "PUSH_NOTIFICATION_NOT_SUPPORTED")
        /// The agent does not support the operation, or not in the state that the task is in.
        public static let unsupportedOperation = Code(-32004, 400, .failedPrecondition, "UNSUPPORTED_OPERATION")
        /// The agent does not support the media type of the content.
        public static let contentTypeNotSupported = Code(-32005, 400, .invalidArgument, "CONTENT_TYPE_NOT_SUPPORTED")
        /// The agent has returned something that does not fit the protocol.
        public static let invalidAgentResponse = Code(-32006, 500, .internalError, "INVALID_AGENT_RESPONSE")
        /// The agent declares an extended card and has none.
        public static let extendedAgentCardNotConfigured = Code(
            -32007, 400, .failedPrecondition, "EXTENDED_AGENT_CARD_NOT_CONFIGURED")
        /// The agent requires an extension that the request does not name.
        public static let extensionSupportRequired = Code(
            -32008, 400, .failedPrecondition, "EXTENSION_SUPPORT_REQUIRED")
        /// The server does not support the version of the protocol that the request names.
        public static let versionNotSupported = Code(-32009, 400, .failedPrecondition, "VERSION_NOT_SUPPORTED")

        /// The request is not JSON.
        public static let parseError = Code(-32700, 400, .invalidArgument, "PARSE_ERROR")
        /// The request is JSON, and no request.
        public static let invalidRequest = Code(-32600, 400, .invalidArgument, "INVALID_REQUEST")
        /// There is no such method.
        public static let methodNotFound = Code(-32601, 404, .notFound, "METHOD_NOT_FOUND")
        /// The parameters of the request are wrong.
        public static let invalidParams = Code(-32602, 400, .invalidArgument, "INVALID_PARAMS")
        /// The server has failed.
        public static let internalError = Code(-32603, 500, .internalError, "INTERNAL_ERROR")

        /// The credentials of the request are missing or wrong. The protocol has no code of JSON-RPC for it.
        public static let unauthenticated = Code(-32000, 401, .unauthenticated, "UNAUTHENTICATED")
        /// The caller may not do it. The protocol has no code of JSON-RPC for it.
        public static let permissionDenied = Code(-32000, 403, .permissionDenied, "PERMISSION_DENIED")
        /// The caller has made too many requests. The protocol has no code of JSON-RPC for it.
        public static let rateLimited = Code(-32000, 429, .resourceExhausted, "RATE_LIMITED")
        /// The server cannot take the request now; a later one may succeed. The protocol has no code of JSON-RPC for it.
        public static let unavailable = Code(-32000, 503, .unavailable, "UNAVAILABLE")

        /// The kinds of errors that the protocol defines, in the order of the specification.
        public static let protocolCodes: [Code] = [
            .taskNotFound, .taskNotCancelable, .pushNotificationNotSupported, .unsupportedOperation,
            .contentTypeNotSupported, .invalidAgentResponse, .extendedAgentCardNotConfigured, .extensionSupportRequired,
            .versionNotSupported,
        ]

        /// The kinds of errors that JSON-RPC defines.
        public static let jsonRPCCodes: [Code] = [
            .parseError, .invalidRequest, .methodNotFound, .invalidParams, .internalError,
        ]

        /// Further kinds of errors that servers of this package use.
        static let serverCodes: [Code] = [.unauthenticated, .permissionDenied, .rateLimited, .unavailable]

        static let known = protocolCodes + jsonRPCCodes + serverCodes

        /// Returns the known code of a reason. If `nil`, the reason is not known.
        public init?(reason: String) {
            guard let code = Self.known.first(where: { $0.reason == reason }) else { return nil }
            self = code
        }

        /// Returns the known code of a number of JSON-RPC. If `nil`, the number is not known, or is used for several kinds.
        public init?(number: Int) {
            guard number != -32000, let code = Self.known.first(where: { $0.number == number }) else { return nil }
            self = code
        }
    }

    /// A status of gRPC.
    public enum GRPCStatus: String, Sendable, Hashable, CaseIterable {
        /// The operation has succeeded.
        case ok = "OK"
        /// The operation was cancelled, usually by its caller.
        case cancelled = "CANCELLED"
        /// The cause is not known.
        case unknown = "UNKNOWN"
        /// The request is wrong, whatever the state of the server.
        case invalidArgument = "INVALID_ARGUMENT"
        /// The operation has not ended in time.
        case deadlineExceeded = "DEADLINE_EXCEEDED"
        /// There is no such thing.
        case notFound = "NOT_FOUND"
        /// There is such a thing already.
        case alreadyExists = "ALREADY_EXISTS"
        /// The caller may not do it.
        case permissionDenied = "PERMISSION_DENIED"
        /// A limit is reached.
        case resourceExhausted = "RESOURCE_EXHAUSTED"
        /// The state of the server does not allow it.
        case failedPrecondition = "FAILED_PRECONDITION"
        /// Something else has happened at the same time.
        case aborted = "ABORTED"
        /// A value is out of range.
        case outOfRange = "OUT_OF_RANGE"
        /// The server does not support it.
        case unimplemented = "UNIMPLEMENTED"
        /// The server has failed.
        case internalError = "INTERNAL"
        /// The server cannot take the request now.
        case unavailable = "UNAVAILABLE"
        /// Data are lost.
        case dataLoss = "DATA_LOSS"
        /// The credentials are missing or wrong.
        case unauthenticated = "UNAUTHENTICATED"

        /// The number of the status.
        public var number: Int { Self.allCases.firstIndex(of: self) ?? 2 }

        /// The status of HTTP that stands for it where no code of the protocol says otherwise.
        public var httpStatus: Int {
            switch self {
            case .ok: 200
            case .invalidArgument, .failedPrecondition, .outOfRange: 400
            case .unauthenticated: 401
            case .permissionDenied: 403
            case .notFound: 404
            case .alreadyExists, .aborted: 409
            case .resourceExhausted: 429
            case .cancelled: 499
            case .unimplemented: 501
            case .unavailable: 503
            case .deadlineExceeded: 504
            case .unknown, .internalError, .dataLoss: 500
            }
        }

        /// Creates the status that stands for a status of HTTP.
        public init(httpStatus: Int) {
            switch httpStatus {
            case 200..<300: self = .ok
            case 401: self = .unauthenticated
            case 403: self = .permissionDenied
            case 404: self = .notFound
            case 409: self = .aborted
            case 429: self = .resourceExhausted
            case 499: self = .cancelled
            case 501: self = .unimplemented
            case 502, 503: self = .unavailable
            case 504: self = .deadlineExceeded
            case 400..<500: self = .invalidArgument
            case 500..<600: self = .internalError
            default: self = .unknown
            }
        }
    }
}
