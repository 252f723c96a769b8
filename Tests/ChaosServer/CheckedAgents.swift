// SPDX-License-Identifier: Apache-2.0

import ACPServer
import Foundation

/// What a run of the checked agents has to do: the text of its input, as JSON. The tag is different for each request.
struct Order: Decodable, Sendable {
    var tag: String
    /// The number of steps, each of which yields a part.
    var steps: Int?
    /// The pause before each step, in milliseconds.
    var pause: Int?
    /// The size of each part in bytes.
    var size: Int?
    /// The number of questions.
    var questions: Int?
    /// The operation on the state: `set`, `cas` or `get`.
    var operation: String?
    var expected: String?
    var value: String?

    init(of context: RunContext) throws {
        let text = context.input.map(\.text).joined()
        do {
            self = try JSONDecoder().decode(Order.self, from: Data(text.utf8))
        } catch {
            throw ACPError(.invalidInput, "the input is not an order: \(error)")
        }
    }

    /// The content of a step. It starts with the tag and the number of the step; the rest, if any, follows from these.
    func content(of step: Int) -> String {
        let name = "\(tag).\(step);"
        guard let size, size > name.utf8.count else { return name }
        return name + String(repeating: name, count: (size - name.utf8.count) / name.utf8.count)
    }
}

/// The state of a session: a value, and the one that it has replaced.
private struct Register: Codable, Sendable {
    var value: String
    var previous: String?
}

private struct Mismatch: Error {
    var actual: String?
}

extension ACPServer {
    /// Adds agents whose output encodes their input and the number of each step, so that a client can tell what has taken
    /// effect, and how often.
    func addCheckedAgents() throws {
        try addAgent("steps", policy: AgentPolicy(recovery: .replay)) { try await Self.performSteps(in: $0) }
        // Its runs fail if their process ends.
        try addAgent("fragile") { try await Self.performSteps(in: $0) }
        try addAgent("asker", policy: AgentPolicy(recovery: .replay)) { context in
            let order = try Order(of: context)
            for question in 0..<(order.questions ?? 1) {
                let answer = try await context.awaitMessage("\(order.tag)?\(question)")
                try await context.yield("\(order.tag).a\(question)=\(answer.text);")
                try await context.flush()
            }
            try await Self.performSteps(in: context)
        }
        try addAgent("state") { context in
            let order = try Order(of: context)
            let text = try await Self.changeState(of: context.session, order)
            // Time for a fault between the effect and its report.
            if let pause = order.pause { try await Task.sleep(for: .milliseconds(pause)) }
            return "\(order.tag).\(text)"
        }
    }

    @Sendable
    private static func performSteps(in context: RunContext) async throws {
        let order = try Order(of: context)
        for step in 0..<(order.steps ?? 0) {
            if let pause = order.pause, !context.isReplaying { try await Task.sleep(for: .milliseconds(pause)) }
            try await context.yield(order.content(of: step))
        }
    }

    private static func changeState(of session: RunSession, _ order: Order) async throws -> String {
        let value = order.value ?? order.tag
        switch order.operation {
        case "set":
            let stored = try await session.updateState(as: Register.self) {
                Register(value: value, previous: $0?.value)
            }
            return "set:\(stored.previous ?? "")"
        case "cas":
            do {
                try await session.updateState(as: Register.self) { old in
                    guard old?.value == order.expected else { throw Mismatch(actual: old?.value) }
                    return Register(value: value, previous: old?.value)
                }
                return "swapped:"
            } catch let mismatch as Mismatch {
                return "is:\(mismatch.actual ?? "")"
            }
        default:
            return "is:\(try await session.state(as: Register.self)?.value ?? "")"
        }
    }
}
