// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// An agent: takes messages, and produces messages.
///
/// Most agents are closures (see ``AgentContainer``). A type is useful where an agent has dependencies of its own:
///
/// ```swift
/// struct Translator: Agent {
///     let model: Model
///     let manifest = AgentManifest(name: "translator", description: "Translates to English")
///
///     func run(_ context: RunContext) async throws {
///         for try await word in model.translate(context.input) { try await context.yield(word) }
///     }
/// }
/// ```
public protocol Agent: Sendable {
    /// How the agent presents itself.
    var manifest: AgentManifest { get }

    /// Timeouts, recovery and concurrency of the agent's runs. Defaults to ``AgentPolicy/init(recovery:awaitTimeout:sessionRuns:)``
    /// without arguments.
    var policy: AgentPolicy { get }

    /// Executes one run.
    ///
    /// The run completes when this returns. It fails when this throws: with the code and message of an ``ACPError``, with
    /// code `server_error` and the error's description otherwise. When somebody cancels the run, the task that this
    /// runs in is cancelled.
    ///
    /// It may be called again for the same run: when the process that executed it has ended while the run awaited an answer,
    /// or if the ``policy`` says so for others. Then it has to say and ask the same as before, up to the point that the run
    /// had reached: that is not said again, and answered questions get their answers at once. What it does besides that is
    /// done again; ``RunContext/isReplaying`` tells.
    func run(_ context: RunContext) async throws
}

extension Agent {
    public var policy: AgentPolicy { AgentPolicy() }
}

/// Output of an agent: text, a message part, a message, several of them, or none.
///
/// A handler returns it, or sends it by ``RunContext/yield(_:)-(AgentOutput)``: both have the same effect.
public protocol AgentOutput: SendableMetatype {
    /// Sends this as output of a run.
    func yield(to context: RunContext) async throws
}

extension String: AgentOutput {
    public func yield(to context: RunContext) async throws { try await context.yield(self) }
}

extension MessagePart: AgentOutput {
    public func yield(to context: RunContext) async throws { try await context.yield(self) }
}

extension Message: AgentOutput {
    public func yield(to context: RunContext) async throws { try await context.yield(self) }
}

extension Array: AgentOutput where Element: AgentOutput {
    public func yield(to context: RunContext) async throws {
        for element in self { try await element.yield(to: context) }
    }
}

extension Optional: AgentOutput where Wrapped: AgentOutput {
    public func yield(to context: RunContext) async throws { try await self?.yield(to: context) }
}

/// An agent made of a closure.
struct ClosureAgent: Agent {
    let manifest: AgentManifest
    let policy: AgentPolicy
    let handler: @Sendable (RunContext) async throws -> Void

    func run(_ context: RunContext) async throws { try await handler(context) }
}
