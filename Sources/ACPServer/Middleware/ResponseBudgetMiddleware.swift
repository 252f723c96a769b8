// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore

/// Limits how many responses are created at the same time, and how many bytes of large responses wait for their
/// clients.
package struct ResponseBudgetMiddleware<Context: RequestContext>: RouterMiddleware {
    let budgets: ServerBudgets

    package init(budgets: ServerBudgets) { self.budgets = budgets }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await build(request, context: context, next: next)
        let eventLoop = (context as? ServerRequestContext)?.eventLoop
        guard let length = response.body.contentLength else {
            let body = response.body
            response.body = ResponseBody { writer in
                try await body.write(PieceWriter(base: writer, eventLoop: eventLoop))
            }
            return response
        }
        guard length > ServerBudgets.smallBody else { return response }
        // The error keeps the run's id, so that the client can fetch the run later.
        let headers = response.headers[.runID].map { [.runID: $0] as HTTPFields } ?? [:]
        let room = try budgets.room(forResponse: length, headers: headers)
        let body = response.body
        response.body = ResponseBody(contentLength: length) { writer in
            // Released when all but the last piece has been sent, and at the latest when the response is deallocated.
            try await body.write(PieceWriter(base: writer, eventLoop: eventLoop))
            room.release()
        }
        return response
    }

    private func build(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard request.method == .get || request.method == .head else { return try await next(request, context) }
        let place: ByteBudget.Reservation
        do {
            place = try await budgets.building.reserve(1)
        } catch is ByteBudget.Exhausted {
            throw ServerBudgets.unavailable("too many requests are waiting for a response")
        }
        defer { place.release() }
        return try await next(request, context)
    }
}
