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
        // Output that was shown before a question is not shown again after it.
        var shownMessages = 0
        while true {
            if asJSON {
                try Console.print(document: run)
            } else {
                for message in run.output.dropFirst(shownMessages) { try Console.print(message.shown) }
                shownMessages = run.output.count
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
        while true {
            var run: Run?
            var writer = EventWriter(asJSON: asJSON)
            for try await event in stream {
                run = event.event.run ?? run
                try writer.write(event.event)
            }
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
