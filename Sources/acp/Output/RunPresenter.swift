// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import ArgumentParser

/// Shows the output of a run, prompts the user for answers to its questions, and reports how it ended.
struct RunPresenter {
    let client: ACPClient
    let asJSON: Bool
    /// Whether the user can answer questions.
    var canAsk = Console.isInteractive

    /// Shows a run until its end, or until a question that the user cannot answer.
    ///
    /// - Throws: An exit code if the run has not completed.
    func present(_ run: Run) async throws {
        var run = run
        // Output before a question is not shown again after it. A server may continue the same message after the
        // question.
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

    /// Shows a run's events as they arrive.
    ///
    /// - Throws: An exit code if the run has not completed.
    func present(_ stream: RunStream) async throws {
        var stream = stream
        // One writer for all streams of the run, since a message may continue after a question.
        var writer = EventWriter(asJSON: asJSON)
        while true {
            var run: Run?
            var isCurrent = true
            for try await event in stream {
                run = event.event.run ?? run
                // The events of some servers contain only the run's id.
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
                Console.note("The run awaits an answer: acp resume \(run.id) TEXT")
            }
            throw ExitStatus.awaiting.code
        case .failed:
            Console.error("run \(run.id) failed: \(run.error.map { "\($0)".printable } ?? "no reason is known")")
            throw ExitStatus.unsuccessful.code
        case .cancelled:
            Console.error("run \(run.id) was cancelled")
            throw ExitStatus.unsuccessful.code
        default:
            return
        }
    }
}

/// The output of a run that has been shown, so that nothing is shown twice.
struct ShownOutput {
    private var messages: [String] = []

    /// Records the current messages.
    ///
    /// - Returns: The new output: a text for each message that is new or has grown.
    mutating func add(_ current: [String]) -> [String] {
        var new: [String] = []
        for (index, text) in current.enumerated() {
            guard index < messages.count else {
                new.append(text)
                continue
            }
            let known = messages[index]
            if text.utf8.elementsEqual(known.utf8) { continue }
            // A message that has been replaced is shown completely.
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

/// Writes events for users: text as it arrives, everything else on separate lines.
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
            // An event of the run itself, from a server that sends only the run's id.
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
