// SPDX-License-Identifier: Apache-2.0

import AsyncAlgorithms
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle

/// A run's events as server-sent events.
enum EventStream {
    /// The answer that streams a run's events as they are committed.
    ///
    /// A client that reads slowly slows only its own stream down: nothing is read for it that it has not taken. One that goes
    /// away ends its stream, not the run.
    static func response(
        _ events: RunEvents, headers: HTTPFields = [:], keepAlive interval: Duration
    ) -> Response {
        var headers = headers
        headers[.contentType] = "text/event-stream"
        headers[.cacheControl] = "no-store"
        // Some proxies would otherwise hold events back until they have gathered enough of them.
        headers[.accelBuffering] = "no"
        let body = ResponseBody { writer in
            do {
                let ticks = AsyncTimerSequence(interval: interval, clock: .continuous).map { _ in Item.tick }
                var isQuiet = false
                let items = merge(chain(events.map(Item.batch), CollectionOfOne(Item.end).async), ticks)
                // Runs that are executed here end before that. Followers of others come back to another process.
                loop: for try await item in items.cancelOnGracefulShutdown() {
                    switch item {
                    case .batch(let batch):
                        isQuiet = false
                        try await writer.write(encode(batch))
                    case .tick where isQuiet: try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                    case .tick: isQuiet = true
                    case .end: break loop
                    }
                }
            } catch let error as RunEngineError {
                try await writer.write(encode(ErrorAnswer(error).error))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    private enum Item: Sendable {
        case batch(RunEvents.Batch)
        case tick
        case end
    }

    /// Each event with its index as the id, which a client sends back as `Last-Event-ID` when it returns.
    static func encode(_ batch: RunEvents.Batch) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(batch.events.reduce(0) { $0 + $1.json.count + 24 })
        for (position, event) in batch.events.enumerated() {
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
