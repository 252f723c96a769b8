// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore

/// The memory that requests and responses of a server share.
struct ServerBudgets: Sendable {
    /// Bytes of large request bodies.
    let receiving: ByteBudget
    /// Bytes of large responses that clients have not taken yet.
    let sending: ByteBudget
    /// Responses to reading requests that are being put together.
    let building: ByteBudget

    /// Smaller bodies are not counted: a connection takes as much by itself.
    static let smallBody = 65_536
    /// How many responses are put together at the same time, and how many may wait for that.
    private static let buildings = 32
    private static let waitingLimit = 4_096

    init(_ limits: ServerLimits) {
        receiving = ByteBudget(limits.requestMemory, waitingLimit: Self.waitingLimit)
        sending = ByteBudget(limits.responseMemory)
        building = ByteBudget(Self.buildings, waitingLimit: Self.waitingLimit)
    }

    /// Room for a request's body.
    ///
    /// - Returns: Nil if the body is so small that it does not count.
    /// - Throws: ``ErrorAnswer``: 503 if too many wait.
    func room(for request: Request, upTo limit: Int) async throws -> ByteBudget.Reservation? {
        let length = request.headers[.contentLength].flatMap(Int.init) ?? limit
        guard length > Self.smallBody else { return nil }
        do {
            return try await receiving.reserve(min(length, limit))
        } catch is ByteBudget.Exhausted {
            throw Self.unavailable("too many large requests are being received")
        }
    }

    /// Room for a large response.
    ///
    /// - Throws: ``ErrorAnswer``: 503 if there is none.
    func room(forResponse bytes: Int, headers: HTTPFields = [:]) throws(ErrorAnswer) -> ByteBudget.Reservation {
        if let reservation = sending.reserveNow(bytes) { return reservation }
        throw Self.unavailable("clients are slow to read what was sent to them, and this response is large", headers)
    }

    static func unavailable(_ reason: String, _ headers: HTTPFields = [:]) -> ErrorAnswer {
        ErrorAnswer(
            .serviceUnavailable, .unavailable, "\(reason): try again later", headers: [.retryAfter: "1"] + headers)
    }
}

/// Writes large buffers in pieces, each when the client has taken what came before.
///
/// A connection knows that its client does not read when its event loop has tried to write. Until then it takes everything; a task
/// that is faster than the event loop could hand over any number of bytes. So it waits for the event loop after each piece.
struct PieceWriter: ResponseBodyWriter {
    static let size = 65_536
    private var base: any ResponseBodyWriter
    private let eventLoop: (any EventLoop)?
    /// How many bytes the event loop may not have seen yet.
    private var unseen = 0

    /// - Parameter eventLoop: The connection's event loop. If `nil`, `base` waits for it.
    init(base: any ResponseBodyWriter, eventLoop: (any EventLoop)? = nil) {
        self.base = base
        self.eventLoop = eventLoop
    }

    mutating func write(_ buffer: ByteBuffer) async throws {
        var rest = buffer
        while let piece = rest.readSlice(length: min(Self.size, rest.readableBytes)), piece.readableBytes > 0 {
            try await base.write(piece)
            unseen += piece.readableBytes
            guard let eventLoop, unseen >= Self.size else { continue }
            unseen = 0
            try await eventLoop.submit {}.get()
        }
    }

    /// Writes bytes that others have as well: only a piece of them is copied at a time.
    mutating func write(bytes: [UInt8]) async throws {
        var start = 0
        while start < bytes.count {
            let end = min(start + Self.size, bytes.count)
            try await write(ByteBuffer(bytes: bytes[start..<end]))
            start = end
        }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await base.finish(trailingHeaders) }
}

/// JSON that is put together piece by piece.
protocol JSONPieces: Sendable {
    /// The next piece, or nil after the last one.
    mutating func next() async throws -> [UInt8]?
}

extension Response {
    /// JSON that is read and sent piece by piece, each when the client has taken the one before, if it is large.
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
