// SPDX-License-Identifier: Apache-2.0

import ACPCore
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import NIOCore

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

/// Returns a stream of pieces, which can be interrupted at once or when the client has read a number of events.
func stream(
    _ pieces: [String], run: RunID? = nil, cut: Bool = false, cutAfter: (tally: Tally, count: Int)? = nil
) -> Response {
    eventStream(pieces, headers: run.map { [.runID: $0.rawValue] } ?? [:], cut: cut, cutAfter: cutAfter)
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
