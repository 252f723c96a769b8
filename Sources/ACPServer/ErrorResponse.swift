// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird

/// An HTTP error response: a status, and ACP's error object as the body.
package struct ErrorResponse: Error, HTTPResponseError {
    package let status: HTTPResponse.Status
    package let error: ACPError
    package var headers: HTTPFields = [:]
    /// The underlying error. It is logged and not part of the response.
    package var cause: (any Error)?

    package init(
        _ status: HTTPResponse.Status, _ code: ACPError.Code, _ message: String, headers: HTTPFields = [:]
    ) {
        self.init(status, ACPError(code, message), headers: headers)
    }

    package init(
        _ status: HTTPResponse.Status, _ error: ACPError, headers: HTTPFields = [:], cause: (any Error)? = nil
    ) {
        self.status = status
        self.error = error
        self.headers = headers
        self.cause = cause
    }

    /// Creates the response to any error that a route throws.
    package init(_ error: any Error) {
        switch error {
        case let response as ErrorResponse:
            self = response
            return
        case let error as RunEngineError: self.init(error)
        case let error as StorageError: self.init(.storage(error))
        case let error as ACPError: self.init(error)
        case let error as HTTPError: self.init(error)
        case is CancellationError:
            self.init(.serviceUnavailable, .unavailable, "the request was cancelled by the server: try again")
        default: self.init(.internalServerError, .serverError, "unexpected server error")
        }
        cause = error
    }

    private init(_ error: ACPError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .invalidInput: .unprocessableContent
            case .notFound: .notFound
            case .unavailable: .serviceUnavailable
            default: .internalServerError
            }
        self.init(status, error)
    }

    private init(_ error: HTTPError) {
        switch error.status {
        case .notFound:
            self.init(
                .notFound, .notFound,
                "no route matches this path and method: see the API's documentation (docs/openapi.yaml)")
        case .contentTooLarge:
            self.init(.contentTooLarge, .invalidInput, "the request's body is larger than this server accepts")
        default:
            self.init(
                error.status, error.status.kind == .serverError ? .serverError : .invalidInput,
                error.body ?? error.status.reasonPhrase)
        }
    }

    private init(_ error: RunEngineError) {
        let message = error.publicMessage
        switch error.code {
        case .unknownAgent, .unknownRun, .unknownSession: self.init(.notFound, .notFound, message)
        case .invalidInput: self.init(.unprocessableContent, .invalidInput, message)
        case .foreignSession: self.init(.forbidden, .unauthorized, message)
        case .notAwaiting, .alreadyEnded: self.init(.forbidden, .conflict, message)
        case .notEnded, .sessionBusy: self.init(.conflict, .conflict, message)
        case .keyReused: self.init(.unprocessableContent, .invalidInput, message)
        case .tooManyRuns, .shuttingDown:
            self.init(.serviceUnavailable, .unavailable, message, headers: [.retryAfter: "1"])
        case .storage where error.storageError?.code == .deleted: self.init(.notFound, .notFound, message)
        case .storage where error.storageError?.code == .corruptData || error.storageError?.code == .incomplete:
            self.init(.internalServerError, .serverError, message)
        case .storage:
            self.init(.serviceUnavailable, .unavailable, message, headers: [.retryAfter: "1"])
        default: self.init(.internalServerError, .serverError, message)
        }
    }

    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var response = try Response.json(error, status: status)
        response.headers.append(contentsOf: headers)
        if status == .serviceUnavailable, response.headers[.retryAfter] == nil { response.headers[.retryAfter] = "1" }
        // A client would take a body for the response to the next request on the connection.
        return request.method == .head ? response.createHeadResponse() : response
    }
}
