// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPServer

extension ACPServer {
    /// Adds agents that demonstrate the features of a server. They require no other services.
    func addExampleAgents() throws {
        try addAgent("echo", description: "Says back what it is told") { context in
            for message in context.input { try await context.yield(message) }
        }
        try addAgent("greeter", description: "Greets its caller") { context in
            let name = context.input.first?.text ?? ""
            return "Hello, \(name.isEmpty ? "World" : name)!"
        }
        try addAgent("counter", description: "Counts the runs of a session") { context in
            let count = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            return "Count: \(count)"
        }
        try addAgent("recall", description: "Tells what was said in its session before, and how many messages that are")
        {
            context in
            var count = 0
            for try await message in context.session.historyMessages() {
                try await context.yield(count == 0 ? message.text : " | \(message.text)")
                count += 1
            }
            try await context.yield(" (\(count))")
        }
        // Both ask the same each time they run, so their runs may leave memory while they await an answer.
        let asking = AgentPolicy(leavesMemory: true)
        try addAgent("questioner", description: "Asks for a name, then greets", policy: asking) { context in
            let name = try await context.awaitMessage("What is your name?")
            return "Hello, \(name.text)!"
        }
        try addAgent("interviewer", description: "Asks three questions, and sums up the answers", policy: asking) {
            context in
            let name = try await context.awaitMessage("What is your name?").text
            try await context.yield("Nice to meet you, \(name).")
            let place = try await context.awaitMessage("Where do you live?").text
            try await context.yield("\(place) is on my list.")
            let food = try await context.awaitMessage("What do you like to eat?").text
            return "\(name) from \(place) likes \(food)."
        }
        try addAgent(
            "slow", description: "Says back what it is told, one word every 200 ms",
            policy: AgentPolicy(recovery: .replay)
        ) { context in
            let words = context.input.map(\.text).joined(separator: " ").split(whereSeparator: \.isWhitespace)
            for (place, word) in words.enumerated() {
                if !context.isReplaying { try await Task.sleep(for: .milliseconds(200)) }
                try await context.yield(place == 0 ? String(word) : " \(word)")
            }
        }
        // Not replayed, because the times would differ. Its runs fail if their server is killed.
        try addAgent("ticker", description: "Tells the time every 200 ms, as often as it is told, else ten times") {
            context in
            for tick in 0..<(context.input.first.flatMap { Int($0.text) } ?? 10) {
                if tick > 0 { try await Task.sleep(for: .milliseconds(200)) }
                try await context.yield("\(Timestamp.now)\n")
            }
        }
        try addAgent("failer", description: "Fails, with an error of its own") { _ in
            throw ACPError(.serverError, "this agent always fails", data: ["agent": "failer"])
        }
        try addAgent(
            "artist", description: "Draws: an SVG and a PNG as artifacts",
            outputContentTypes: ["text/plain", "image/svg+xml", "image/png"]
        ) { context in
            try await context.yield("Here is a drawing.")
            try await context.yield(
                MessagePart.artifact(name: "drawing.svg", contentType: "image/svg+xml", content: drawing))
            try await context.yield(
                MessagePart(
                    name: "pixel.png", contentType: "image/png", content: pixel, contentEncoding: .base64))
            try await context.yield(generic: ["progress": 1.0])
        }
    }
}

private let drawing = """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">\
    <circle cx="50" cy="50" r="40" fill="gold"/><circle cx="36" cy="42" r="5"/><circle cx="64" cy="42" r="5"/>\
    <path d="M30 60 Q50 80 70 60" fill="none" stroke="black" stroke-width="4"/></svg>
    """

/// One transparent pixel.
private let pixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
