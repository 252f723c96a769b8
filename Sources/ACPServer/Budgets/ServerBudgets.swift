// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore

/// The memory budgets of a server's requests and responses.
package struct ServerBudgets: Sendable {
    /// Bytes of large request bodies.
    let receiving: ByteBudget
    /// Bytes of large responses that clients have not read yet.
    let sending: ByteBudget
    /// Responses to GET requests that are being created.
    let building: ByteBudget

    /// The size up to which bodies are not counted, because a connection takes as much memory by itself.
    static let smallBody = 65_536
    /// How many responses are created at the same time. Up to ``waitingLimit`` requests wait for that.
    private static let maximumBuilding = 32
    private static let waitingLimit = 4_096

    init(_ limits: ServerLimits) {
        receiving = ByteBudget(limits.requestMemory, waitingLimit: Self.waitingLimit)
        sending = ByteBudget(limits.responseMemory)
        building = ByteBudget(Self.maximumBuilding, waitingLimit: Self.waitingLimit)
    }

    /// Reserves memory for a request's body.
    ///
    /// - Returns: The reservation, or `nil` if the body is too small to be counted.
    /// - Throws: ``ErrorResponse``: 503 if too many requests are waiting.
    package func room(for request: Request, upTo limit: Int) async throws -> ByteBudget.Reservation? {
        let length = request.headers.value(of: .contentLength).flatMap(Int.init) ?? limit
        guard length > Self.smallBody else { return nil }
        do {
            return try await receiving.reserve(min(length, limit))
        } catch is ByteBudget.Exhausted {
            throw Self.unavailable("too many large requests are being received")
        }
    }

    /// Reserves memory for a large response.
    ///
    /// - Throws: ``ErrorResponse``: 503 if not enough memory is left.
    func room(forResponse bytes: Int, headers: HTTPFields = [:]) throws(ErrorResponse) -> ByteBudget.Reservation {
        if let reservation = sending.reserveNow(bytes) { return reservation }
        throw Self.unavailable(
            "too many large responses wait for slow clients (ServerLimits.responseMemory)", headers)
    }

    static func unavailable(_ reason: String, _ headers: HTTPFields = [:]) -> ErrorResponse {
        ErrorResponse(
            .serviceUnavailable, .unavailable, "\(reason): try again later", headers: [.retryAfter: "1"] + headers)
    }
}

/// Writes large buffers in pieces, each when the client has accepted the previous ones.
///
/// A connection notices that its client does not read only when its event loop has tried to write. Until then it
/// accepts everything, so that a task that is faster than the event loop could enqueue any number of bytes. Therefore
/// the writer waits for the event loop after each piece.
package struct PieceWriter: ResponseBodyWriter {
    package static let size = 65_536
    private var base: any ResponseBodyWriter
    private let eventLoop: (any EventLoop)?
    /// The number of bytes that the event loop may not have processed yet.
    private var unseen = 0

    /// - Parameter eventLoop: The connection's event loop. If `nil`, `base` waits for the event loop itself.
    package init(base: any ResponseBodyWriter, eventLoop: (any EventLoop)? = nil) {
        self.base = base
        self.eventLoop = eventLoop
    }

    package mutating func write(_ buffer: ByteBuffer) async throws {
        var rest = buffer
        while let piece = rest.readSlice(length: min(Self.size, rest.readableBytes)), piece.readableBytes > 0 {
            try await base.write(piece)
            unseen += piece.readableBytes
            guard let eventLoop, unseen >= Self.size else { continue }
            unseen = 0
            try await eventLoop.submit {}.get()
        }
    }

    /// Writes bytes that are shared with other readers. Only one piece of them is copied at a time.
    package mutating func write(bytes: [UInt8]) async throws {
        var start = 0
        while start < bytes.count {
            let end = min(start + Self.size, bytes.count)
            try await write(ByteBuffer(bytes: bytes[start..<end]))
            start = end
        }
    }

    package consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        try await base.finish(trailingHeaders)
    }
}

/// JSON that is created piece by piece.
protocol JSONPieces: Sendable {
    /// Returns the next piece, or `nil` after the last one.
    mutating func next() async throws -> [UInt8]?
}

extension Response {
    /// Returns a response with JSON. Large JSON is read and sent piece by piece, each when the client has accepted the
    /// previous ones.
    static func json(
        _ pieces: some JSONPieces, headers: HTTPFields = [:], budgets: ServerBudgets
    ) async throws -> Response {
        var pieces = pieces
        var start: [UInt8] = []
        while start.count <= ServerBudgets.smallBody {
            guard let piece = try await pieces.next() else { return .json(bytes: start, headers: headers) }
            if start.isEmpty { start = piece } else { start += piece }
        }
        let room = try budgets.room(forResponse: start.count + 2 * PieceWriter.size)
        var headers = headers
        headers[.contentType] = "application/json"
        let body = ResponseBody { [pieces, start] writer in
            var pieces = pieces
            var output = PieceWriter(base: writer)
            try await output.write(bytes: start)
            while let piece = try await pieces.next() { try await output.write(bytes: piece) }
            try await output.finish(nil)
            room.release()
        }
        return Response(status: .ok, headers: headers, body: body)
    }
}
