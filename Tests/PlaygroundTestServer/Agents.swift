// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation

extension ACPServer {
    func addTestAgents() throws {
        try addConversations()
        try addShapes()
        try addAgent(
            "researcher", description: "Researches a topic and writes a report with sources", metadata: .researcher
        ) { context in
            try await Report(topic: context.input.first?.text ?? "").write(to: context)
        }
    }

    /// Agents that talk.
    private func addConversations() throws {
        try addAgent("echo", description: "Repeats its input, whatever it is") { context in
            for message in context.input { try await context.yield(message) }
        }
        try addAgent("questioner", description: "Asks for a name, then greets") { context in
            let name = try await context.awaitMessage("What is your **name**?", timeout: .seconds(3600))
            return "Hello, \(name.text)!"
        }
        try addAgent("approver", description: "Asks for an approval as an object") { context in
            let request: JSONObject = ["type": "approval", "action": "send 3 letters", "options": ["yes", "no"]]
            let answer = try await context.awaitAnswer(to: .other(request))
            guard case .other(let object) = answer else { return "A message came instead." }
            return "Decision: \(object["decision"]?.stringValue ?? "none")"
        }
        try addAgent("counter", description: "Counts the runs of a session") { context in
            let count = try await context.session.updateState(as: Int.self) { ($0 ?? 0) + 1 }
            return "Count: \(count)"
        }
    }

    /// Agents whose runs have a certain course.
    private func addShapes() throws {
        try addAgent(
            "slow", description: "Repeats its input, one word every 100 ms", policy: AgentPolicy(recovery: .replay)
        ) { context in
            let words = context.input.map(\.text).joined(separator: " ").split(separator: " ")
            for (place, word) in words.enumerated() {
                if !context.isReplaying { try await Task.sleep(for: .milliseconds(100)) }
                try await context.yield(place == 0 ? String(word) : " \(word)")
            }
        }
        try addAgent("flood", description: "Produces as many events as its input says") { context in
            for number in 0..<(Int(context.input.first?.text ?? "") ?? 1000) {
                try await context.yield("word \(number) ")
                if number % 100 == 99 { try await context.yield(generic: ["progress": number + 1]) }
            }
        }
        try addAgent("sleeper", description: "Does nothing until it is cancelled") { _ in
            try await Task.sleep(for: .seconds(3600))
        }
        try addAgent("failer", description: "Fails, with an error of its own") { _ in
            throw ACPError("out_of_luck", "this agent always fails", data: ["luck": 0])
        }
        try addAgent("silent", description: "Completes without any output") { _ in }
        try addAgent(
            "calculator", description: "Adds the numbers of an object", inputContentTypes: ["application/json"],
            outputContentTypes: ["application/json"]
        ) { context in
            let content = context.input.first?.parts.first?.content ?? ""
            let numbers = try JSONDecoder().decode([String: Double].self, from: Data(content.utf8))
            return try MessagePart.json(["sum": numbers.values.reduce(0, +)])
        }
        try addAgent(
            "viewer", description: "Tells the size of an image", inputContentTypes: ["image/*"],
            outputContentTypes: ["text/plain"]
        ) { context in
            let part = context.input.first?.parts.first
            return "\(part?.contentType ?? "nothing") with \(part?.content?.count ?? 0) characters"
        }
    }
}

/// A report in pieces, as a language model would write it.
struct Report {
    let topic: String

    func write(to context: RunContext) async throws {
        try await step(
            context, TrajectoryMetadata(message: "I look for sources first, and compare what they say."))
        try await step(
            context,
            TrajectoryMetadata(
                message: "Two sources agree.", toolName: "search", toolInput: ["query": .string(topic), "limit": 5],
                toolOutput: ["hits": 2, "titles": ["Whales of the world", "Songs below the waves"]]))
        for piece in pieces {
            if !context.isReplaying { try await Task.sleep(for: .milliseconds(15)) }
            try await context.yield(piece)
        }
        try await context.yield(
            MessagePart(
                contentType: "text/plain", content: "",
                metadata: .citation(
                    CitationMetadata(
                        url: "https://example.org/whales", title: "Whales of the world",
                        description: "Chapter 3: the largest animals", endIndex: firstSource))))
        try await context.yield(
            MessagePart(
                contentType: "text/plain", content: "",
                metadata: .citation(CitationMetadata(url: "https://example.org/songs", title: "Songs below the waves")))
        )
        try await context.yield(
            MessagePart.artifact(
                name: "lengths.csv", contentType: "text/csv",
                content:
                    "species,length m,weight t\nblue whale,29.9,173\nfin whale,25.9,74\n\"sperm whale, male\",18.0,57\n"
            ))
        try await context.yield(
            MessagePart.artifact(name: "lengths.svg", contentType: "image/svg+xml", content: Self.chart))
    }

    private func step(_ context: RunContext, _ metadata: TrajectoryMetadata) async throws {
        if !context.isReplaying { try await Task.sleep(for: .milliseconds(60)) }
        try await context.yield(MessagePart(contentType: "text/plain", content: "", metadata: .trajectory(metadata)))
    }

    private var firstSource: Int {
        let end = text.range(of: "ever lived.")?.upperBound ?? text.endIndex
        return text.unicodeScalars.distance(from: text.unicodeScalars.startIndex, to: end)
    }

    private var text: String {
        """
        ## \(topic.isEmpty ? "Whales" : topic)

        The **blue whale** is the largest animal that has ever lived. Its heart weighs about *180 kg*.

        | species | length | song |
        |---|--:|---|
        | blue whale | 30 m | very low |
        | humpback | 16 m | long and varied |

        To compare them yourself:

        ```swift
        let longest = whales.max { $0.length < $1.length }
        print(longest?.name ?? "none")
        ```

        1. Songs travel for hundreds of kilometres.
        2. Each group has songs of its own.

        """
    }

    private var pieces: [String] {
        var pieces: [String] = []
        var current = ""
        for character in text {
            current.append(character)
            if current.count == 12 {
                pieces.append(current)
                current = ""
            }
        }
        return current.isEmpty ? pieces : pieces + [current]
    }

    private static let chart = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 130" font-family="sans-serif" font-size="12">\
        <rect width="320" height="130" fill="#fff"/>\
        <g fill="#3450c4"><rect x="90" y="14" width="210" height="24" rx="3"/><rect x="90" y="52" width="182" height="24" rx="3"/>\
        <rect x="90" y="90" width="126" height="24" rx="3"/></g>\
        <g fill="#333"><text x="10" y="31">blue whale</text><text x="10" y="69">fin whale</text><text x="10" y="107">sperm whale</text></g></svg>
        """
}

extension AgentMetadata {
    fileprivate static var researcher: AgentMetadata {
        AgentMetadata(
            documentation: "Give it a **topic**. It answers with a report, a table and a chart.",
            license: "Apache-2.0", programmingLanguage: "Swift", naturalLanguages: ["en"],
            capabilities: [AgentCapability(name: "Sources", description: "Cites where its statements come from.")],
            domains: ["nature"], tags: ["Researcher", "Chat"],
            author: Person(name: "Ada", url: "https://example.org/ada"),
            links: [AgentLink(type: .documentation, url: "https://example.org/researcher")])
    }
}
