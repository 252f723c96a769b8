// SPDX-License-Identifier: Apache-2.0

import Hummingbird

/// Answers requests for streams in a task of their own, which has ended when the stream begins.
///
/// A task keeps the memory that its calls needed at most, until it ends: for a connection that is as long as a stream
/// lasts. The way to a response, through the router and its middleware, takes much more than sending the stream does.
struct StreamResponder<Base: HTTPResponder>: HTTPResponder where Base.Context: Sendable {
    let base: Base

    func respond(to request: Request, context: Base.Context) async throws -> Response {
        guard request.acceptsEventStream else { return try await base.respond(to: request, context: context) }
        async let response = base.respond(to: request, context: context)
        return try await response
    }
}
