// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

/// Shows a run as it goes on, asks people what the run asks, and says how it ended.
struct RunPresenter {
    let client: ACPClient
    let asJSON: Bool
    /// Whether somebody is there to answer questions.
    var canAsk = Console.isInteractive

    /// Shows a run from its first answer to its end, or to a question that nobody is there to answer.
    ///
    /// - Throws: an exit code unless the run completed.
    func present(_ run: Run) async throws {
        var run = run
        // Output that was shown before a question is not shown again after it. A server may go on with the same message then.
        var shown = ShownOutput()
        while true {
            if asJSON {
                try Console.print(document: run)
            } else {
                for text in shown.add(run.output.map(\.shown)) { try Console.print(text) }
            }
            guard let answer = try answer(to: run) else { return try conclude(run) }
            run = try await client.resume(run.id, with: answer)
        }
    }

    /// Shows a run's events as they come.
    ///
    /// - Throws: an exit code unless the run completed.
    func present(_ stream: RunStream) async throws {
        var stream = stream
        // One for all streams of the run: a message may go on after a question.
        var writer = EventWriter(asJSON: asJSON)
        while true {
            var run: Run?
            var isCurrent = true
            for try await event in stream {
                run = event.event.run ?? run
                // Some servers name the run in its events and do not send it along.
                isCurrent = event.event.run != nil || !event.event.kind.isSettled
                try writer.write(event.event)
            }
            if !isCurrent, let id = run?.id ?? stream.runID { run = try await client.fetchRun(id) }
            guard let run else { return }
            guard let answer = try answer(to: run) else { return try conclude(run) }
            stream = try await client.stream(resuming: run.id, with: answer)
        }
    }

    private func answer(to run: Run) throws -> String? {
        guard run.status == .awaiting, canAsk, !asJSON else { return nil }
        if let question = run.awaitRequest?.shown, !question.isEmpty { try Console.print(Style.yellow(question)) }
        try Console.write("> ")
        return readLine()
    }

    private func conclude(_ run: Run) throws {
        switch run.status {
        case .awaiting:
            if !asJSON {
                if !canAsk, let question = run.awaitRequest?.shown, !question.isEmpty { try Console.print(question) }
                Console.note("The run waits for an answer: acp resume \(run.id) TEXT")
            }
            throw ExitStatus.awaiting.code
        case .failed:
            Console.error("run \(run.id) failed: \(run.error.map { "\($0)".printable } ?? "it did not say why")")
            throw ExitStatus.unsuccessful.code
        case .cancelled:
            Console.error("run \(run.id) was cancelled")
            throw ExitStatus.unsuccessful.code
        default:
            return
        }
    }
}

/// What has been shown of a run's messages, so that what comes later is shown once.
struct ShownOutput {
    private var messages: [String] = []

    /// Takes the messages as they are now.
    ///
    /// - Returns: What is new, a text for each message that has grown or was not there.
    mutating func add(_ current: [String]) -> [String] {
        var new: [String] = []
        for (index, text) in current.enumerated() {
            guard index < messages.count else {
                new.append(text)
                continue
            }
            let known = messages[index]
            if text.utf8.elementsEqual(known.utf8) { continue }
            // A message that is another one now is shown whole.
            guard text.utf8.starts(with: known.utf8) else {
                new.append(text)
                continue
            }
            var rest = String(decoding: text.utf8.dropFirst(known.utf8.count), as: UTF8.self)
            if rest.hasPrefix("\n") { rest.removeFirst() }
            new.append(rest)
        }
        messages = current
        return new
    }
}

/// Writes events the way people read them: text as it comes, everything else on a line of its own.
struct EventWriter {
    let asJSON: Bool
    private var isInLine = false
    private var hasParts = false

    init(asJSON: Bool) { self.asJSON = asJSON }

    mutating func write(_ event: Event) throws {
        if asJSON { return try Console.print(json: event) }
        switch event {
        case .messageCreated:
            hasParts = false
        case .messagePart(let part):
            hasParts = true
            try write(part)
        case .messageCompleted(let message):
            if !hasParts { for part in message.parts { try write(part) } }
            hasParts = false
            try endLine()
        case .unknown where event.runID != nil && event.kind.rawValue.hasPrefix("run."):
            // An event about the run as such, from a server that does not send the run along.
            try endLine()
        case .generic, .unknown:
            try endLine()
            try Console.print(Style.dim("[\(event.kind.rawValue.printable)] \(event.summary)"))
        case .runAwaiting, .runCompleted, .runCancelled, .runFailed:
            try endLine()
        case .runCreated, .runInProgress, .error:
            break
        }
    }

    private mutating func write(_ part: MessagePart) throws {
        let shown = part.shown
        if !part.isArtifact, part.contentType.hasPrefix("text/"), part.text != nil {
            try Console.write(shown)
            if !shown.isEmpty { isInLine = !shown.hasSuffix("\n") }
        } else {
            try endLine()
            try Console.print(Style.dim(shown))
        }
    }

    private mutating func endLine() throws {
        if isInLine { try Console.print() }
        isInLine = false
    }
}
