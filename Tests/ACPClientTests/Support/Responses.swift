// SPDX-License-Identifier: Apache-2.0

import ACPCore
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import Testing

/// The error with which a response is interrupted, so that the connection ends before the response is complete.
struct Cut: Error {}

extension HTTPField.Name {
    static let runID = HTTPField.Name("Run-ID")!
    static let lastEventID = HTTPField.Name("Last-Event-ID")!
    static let retryAfter = HTTPField.Name("Retry-After")!
}

func json(_ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) throws -> Response {
    var headers = headers
    headers[.contentType] = "application/json"
    return Response(
        status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: try ACPJSON.encode(value))))
}

func text(_ text: String, type: String = "text/html", status: HTTPResponse.Status = .ok) -> Response {
    Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
}

/// The number of events that a client has read. A lost connection can lose events that its client has not read yet.
final class Tally: Sendable {
    private let events = Mutex(0)

    func add() { events.withLock { $0 += 1 } }

    func wait(for count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while events.withLock({ $0 < count }) {
            try #require(.now < deadline, "the client has not read \(count) events")
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}

/// Returns a stream of pieces, which can be interrupted at once or when the client has read a number of events.
func stream(
    _ pieces: [String], run: RunID? = nil, cut: Bool = false, cutAfter: (tally: Tally, count: Int)? = nil
) -> Response {
    var headers: HTTPFields = [.contentType: "text/event-stream; charset=utf-8"]
    if let run { headers[.runID] = run.rawValue }
    return Response(
        status: .ok, headers: headers,
        body: ResponseBody { writer in
            for piece in pieces { try await writer.write(ByteBuffer(string: piece)) }
            try await cutAfter?.tally.wait(for: cutAfter?.count ?? 0)
            if cut || cutAfter != nil { throw Cut() }
            try await writer.finish(nil)
        })
}

/// Events as a server of this package sends them: with their index as id.
func numbered(_ events: some Sequence<(offset: Int, element: Event)>) throws -> [String] {
    try events.map { "id: \($0.offset)\ndata: \(try line($0.element))\n\n" }
}

/// Events as servers send them that do not number them.
func unnumbered(_ events: some Sequence<Event>) throws -> [String] {
    try events.map { "data: \(try line($0))\r\n\r\n" }
}

private func line(_ event: Event) throws -> String { String(decoding: try ACPJSON.encode(event), as: UTF8.self) }

/// A run that counts to a number, and its events.
struct CountingRun: Sendable {
    var run = Run(agentName: "counter", sessionID: SessionID(), createdAt: .now)
    var words: Int

    init(words: Int = 4) { self.words = words }

    var id: RunID { run.id }

    /// run.created, run.in-progress, message.created, a part per word, message.completed, run.completed.
    var events: [Event] {
        let parts = (0..<words).map { MessagePart.text("\($0) ") }
        let now = run.createdAt
        let message = Message(role: .agent("counter"), parts: parts, createdAt: now, completedAt: now)
        var open = message
        open.parts = []
        open.completedAt = nil
        return [.runCreated(run), .runInProgress(with(.inProgress)), .messageCreated(open)]
            + parts.map { .messagePart($0) }
            + [.messageCompleted(message), .runCompleted(completed)]
    }

    var completed: Run {
        var run = with(.completed)
        run.finishedAt = run.createdAt
        return run
    }

    func with(_ status: RunStatus) -> Run {
        var run = run
        run.status = status
        return run
    }
}
