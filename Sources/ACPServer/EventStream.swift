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
    /// A client that reads slowly slows only its own stream down: nothing is read for it that it has not taken. One that
    /// goes away ends its stream, not the run.
    static func response(
        of run: RunID, in engine: RunEngine, from offset: Int, until end: RunEvents.End, keepAlive interval: Duration
    ) -> Response {
        let events = engine.follow(run, from: offset, until: end)
        // An interval of nothing would be a flood, and one of thousands of years is beyond what clocks can add.
        let interval = min(max(interval, .milliseconds(1)), .seconds(86_400))
        let headers: HTTPFields = [
            .runID: run.rawValue,
            .contentType: "text/event-stream",
            .cacheControl: "no-store",
            // Some proxies would otherwise hold events back until they have gathered enough of them.
            .accelBuffering: "no",
        ]
        let body = ResponseBody { writer in
            do {
                let ticks = AsyncTimerSequence(interval: interval, clock: .continuous).map { _ in Item.tick }
                var isQuiet = false
                var isQuietWhileClosing = false
                let items = merge(chain(events.map(Item.batch), CollectionOfOne(Item.end).async), ticks, closing())
                loop: for try await item in items {
                    switch item {
                    case .batch(let batch):
                        isQuiet = false
                        isQuietWhileClosing = false
                        try await writer.write(encode(batch))
                    case .tick where isQuiet: try await writer.write(ByteBuffer(string: ": keep-alive\n\n"))
                    case .tick: isQuiet = true
                    case .closing where isQuietWhileClosing:
                        // Runs of this process have ended by now: their streams come to their end by themselves. This one
                        // waits for another process, or for an answer: its follower comes back for the rest, elsewhere.
                        if try await !engine.run(run).status.isTerminal { break loop }
                    case .closing: isQuietWhileClosing = true
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
        case closing
        case end
    }

    /// Nothing until the server closes its connections, then an item every now and then.
    private static func closing() -> AsyncStream<Item> {
        AsyncStream(unfolding: {
            do {
                try await gracefulShutdown()
                try await Task.sleep(for: .milliseconds(100))
                return .closing
            } catch {
                return nil
            }
        })
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
