// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPRuntime
import ACPServer
import HTTPTypes

/// A request that has failed: the protocol's error, and what HTTP needs besides.
struct A2AFailure: Error {
    let error: A2AError
    var headers: HTTPFields = [:]
    /// What is logged. `nil` if the caller is at fault.
    var logged: ErrorResponse?

    init(_ error: A2AError, headers: HTTPFields = [:]) {
        self.error = error
        self.headers = headers
        let status = HTTPResponse.Status(code: error.code.httpStatus)
        if status == .serviceUnavailable, self.headers[.retryAfter] == nil { self.headers[.retryAfter] = "1" }
        if status.kind == .serverError {
            logged = ErrorResponse(status, ACPError(.serverError, error.message), cause: error)
        }
    }

    /// Creates the failure of any error that a request throws.
    init(converting error: any Error) {
        switch error {
        case let failure as A2AFailure: self = failure
        case let error as A2AError: self.init(error)
        default:
            let response = ErrorResponse(error)
            self.init(A2AError(response, engine: (response.cause as? RunEngineError)?.code), headers: response.headers)
            logged = response.status.kind == .serverError ? response : nil
        }
    }

    var status: HTTPResponse.Status { HTTPResponse.Status(code: error.code.httpStatus) }
}

extension A2AError {
    /// Creates the error for a response with which ACP would refuse the same.
    ///
    /// - Parameter engine: The code of the engine's error, if one is the cause.
    fileprivate init(_ response: ErrorResponse, engine: RunEngineError.Code?) {
        let code: Code =
            switch engine {
            case .unknownRun: .taskNotFound
            case .alreadyEnded: .taskNotCancelable
            case .notAwaiting, .notEnded: .unsupportedOperation
            case .sessionBusy: .contextBusy
            default:
                switch response.status.code {
                case 400, 422: .invalidParams
                case 401: .unauthenticated
                case 403: .permissionDenied
                case 404: .pathNotFound
                case 408: .requestTimeout
                case 413: .contentTooLarge
                case 415: .unsupportedMediaType
                case 421: .misdirectedRequest
                case 429: .rateLimited
                case 503: .unavailable
                default: .internalError
                }
            }
        self.init(code, response.error.message)
        if !Code.protocolCodes.contains(code), !Code.jsonRPCCodes.contains(code) { domain = A2AFailure.domain }
    }
}

extension A2AError.Code {
    static let pathNotFound = Self(number: -32601, httpStatus: 404, grpcStatus: .notFound, reason: "NOT_FOUND")
    static let agentNotFound = Self(number: -32601, httpStatus: 404, grpcStatus: .notFound, reason: "AGENT_NOT_FOUND")
    static let methodNotAllowed = Self(
        number: -32601, httpStatus: 405, grpcStatus: .unimplemented, reason: "METHOD_NOT_ALLOWED")
    static let requestTimeout = Self(
        number: -32600, httpStatus: 408, grpcStatus: .deadlineExceeded, reason: "REQUEST_TIMEOUT")
    static let contentTooLarge = Self(
        number: -32600, httpStatus: 413, grpcStatus: .resourceExhausted, reason: "CONTENT_TOO_LARGE")
    /// The host name of a request is not one of the server.
    static let misdirectedRequest = Self(
        number: -32600, httpStatus: 421, grpcStatus: .permissionDenied, reason: "MISDIRECTED_REQUEST")
    /// The media type of a request's body is not JSON.
    static let unsupportedMediaType = Self(
        number: contentTypeNotSupported.number, httpStatus: 415, grpcStatus: .invalidArgument,
        reason: contentTypeNotSupported.reason)
}

extension A2AFailure {
    /// The domain of reasons that the protocol does not define.
    static let domain = "simple-acp"

    static var unknownPath: A2AFailure {
        A2AFailure(
            A2AError(
                .pathNotFound,
                "there is no such path: see the paths of the protocol, such as /a2a/{agent}/message:send",
                domain: domain))
    }

    static func unknownAgent(_ name: String) -> A2AFailure {
        A2AFailure(
            A2AError(
                .agentNotFound, "there is no agent \"\(name.prefix(100))\": check the URL in the agent's card",
                domain: domain))
    }

    static func noDefaultAgent(_ message: String) -> A2AFailure {
        A2AFailure(A2AError(.agentNotFound, message, domain: domain))
    }

    static func methodNotAllowed(_ method: String, allowed: String) -> A2AFailure {
        A2AFailure(
            A2AError(
                .methodNotAllowed, "\(method.prefix(40)) is not supported for this path: use \(allowed)",
                domain: domain),
            headers: [.allow: allowed])
    }
}

extension A2AError {
    /// The error of one field of a request.
    static func invalidField(_ field: String, _ description: String) -> A2AError {
        A2AError(
            .invalidParams, "\(field): \(description)",
            violations: [FieldViolation(field: field, description: description)])
    }
}
