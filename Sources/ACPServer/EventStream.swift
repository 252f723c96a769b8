// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle

/// A run's events as server-sent events.
enum EventStream {
    /// The answer that streams a run's events as they are committed.
    ///
    /// A client that reads slowly slows only its own stream down: nothing is read for it that it has not taken. One that
    /// goes away ends its stream, not the run.
    ///
    /// - Parameter onFailure: Called when the stream ends with an error.
    static func response(
        of run: RunID, in engine: RunEngine, from offset: Int, until end: RunEvents.StopCondition, pulse: StreamPulse,
        onFailure: @escaping @Sendable (ErrorAnswer) -> Void
    ) -> Response {
        let headers: HTTPFields = [
            .runID: run.rawValue,
            .contentType: "text/event-stream",
            .cacheControl: "no-store",
            // Some proxies would otherwise hold events back until they have gathered enough of them.
            .accelBuffering: "no",
        ]
        let body = ResponseBody { writer in
            let stream = pulse.join()
            defer { pulse.leave(stream) }
            do {
                try await withGracefulShutdownHandler {
                    var events = engine.follow(run, from: offset, until: end, wake: stream.nudge).makeAsyncIterator()
                    var closingNudges = 0
                    while let batch = try await events.next() {
                        if !batch.events.isEmpty {
                            closingNudges = 0
                            try await write(batch, to: writer)
                            pulse.wrote(stream)
                        } else if !pulse.isClosing {
                            guard pulse.isDue(stream) else { continue }
                            try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                            pulse.wrote(stream)
                        } else {
                            closingNudges += 1
                            // Runs of this process have ended by now: their streams come to their end by themselves. This one
                            // waits for another process, or for an answer: its follower comes back for the rest, elsewhere.
                            if closingNudges > 1, try await !engine.fetchRun(run).status.isTerminal { break }
                        }
                    }
                } onGracefulShutdown: {
                    pulse.close()
                }
            } catch let error as RunEngineError {
                let answer = ErrorAnswer(error)
                onFailure(answer)
                try await writer.write(encode(answer.error))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    /// Writes events in pieces, each when the client has taken what came before. Of a large event only a piece is copied for a
    /// client: the rest is shared with all others who read it.
    private static func write(_ batch: RunEvents.Batch, to writer: any ResponseBodyWriter) async throws {
        var writer = PieceWriter(base: writer)
        var first = 0
        var size = 0
        for (position, event) in batch.events.enumerated() {
            if event.json.count >= PieceWriter.size || size >= PieceWriter.size {
                if first < position { try await writer.write(encode(batch, first..<position)) }
                (first, size) = (position, 0)
            }
            guard event.json.count >= PieceWriter.size else {
                size += event.json.count
                continue
            }
            try await writer.write(ByteBuffer(string: "id: \(batch.offset + position)\ndata: "))
            try await writer.write(bytes: event.json)
            try await writer.write(ByteBuffer(string: "\n\n"))
            first = position + 1
        }
        if first < batch.events.count { try await writer.write(encode(batch, first..<batch.events.count)) }
    }

    /// Each event with its index as the id, which a client sends back as `Last-Event-ID` when it returns.
    private static func encode(_ batch: RunEvents.Batch, _ positions: Range<Int>) -> ByteBuffer {
        let events = batch.events[positions]
        var buffer = ByteBuffer()
        buffer.reserveCapacity(events.reduce(0) { $0 + $1.json.count + 24 })
        for (position, event) in zip(positions, events) {
            buffer.writeStaticString("id: ")
            buffer.writeString(String(batch.offset + position))
            buffer.writeStaticString("\ndata: ")
            buffer.writeBytes(event.json)
            buffer.writeStaticString("\n\n")
        }
        return buffer
    }

    /// The last thing that a stream says when it cannot go on. Without an id: it is no event of the run.
    private static func encode(_ error: ACPError) -> ByteBuffer {
        var buffer = ByteBuffer(string: "data: ")
        buffer.writeBytes((try? ACPJSON.encode(Event.error(error))) ?? [])
        buffer.writeStaticString("\n\n")
        return buffer
    }
}
