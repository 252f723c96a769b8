// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// An agent: it takes messages and produces messages.
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
    /// The agent's name, description and other properties, which callers can list.
    var manifest: AgentManifest { get }

    /// Timeouts, recovery and concurrency of the agent's runs. Defaults to
    /// ``AgentPolicy/init(recovery:awaitTimeout:sessionRuns:leavesMemory:)`` without arguments.
    var policy: AgentPolicy { get }

    /// Executes one run.
    ///
    /// The run completes when this returns, and fails when this throws: with the code and message of an ``ACPError``,
    /// and with code `server_error` for any other error (see ``EngineConfiguration/reportsErrorDescriptions``). If the
    /// run is cancelled, the task that calls this is cancelled.
    ///
    /// It may be called again for the same run: if the process that executed it has ended while the run awaited an
    /// answer, or, with `recovery: .replay` in the ``policy``, while this was running; and if the run has left memory
    /// while it awaited an answer (``AgentPolicy/leavesMemory``). Then it must send the same
    /// output and ask the same questions as before, up to the point that the run had reached: that output is not sent
    /// again, and answered questions get their answers at once. All other effects are repeated: check
    /// ``RunContext/isReplaying`` to prevent that.
    ///
    /// - Parameter context: The run, with the methods to send output and to ask questions.
    /// - Throws: Any error, which fails the run.
    func run(_ context: RunContext) async throws
}

extension Agent {
    /// The default policy: runs fail if their process ends, and questions have no timeout.
    public var policy: AgentPolicy { AgentPolicy() }
}

/// Output of an agent: text, a message part, a message, several of them, or none.
///
/// A handler returns it, or sends it with ``RunContext/yield(_:)-(AgentOutput)``. Both have the same effect.
public protocol AgentOutput: SendableMetatype {
    /// Sends this as output of a run.
    ///
    /// - Parameter context: The run.
    /// - Throws: `CancellationError` if the run has ended; ``ACPError`` if the output is invalid.
    func yield(to context: RunContext) async throws
}

extension String: AgentOutput {
    /// Adds the text to the open message.
    public func yield(to context: RunContext) async throws { try await context.yield(self) }
}

extension MessagePart: AgentOutput {
    /// Adds the part to the open message.
    public func yield(to context: RunContext) async throws { try await context.yield(self) }
}

extension Message: AgentOutput {
    /// Sends the message.
    public func yield(to context: RunContext) async throws { try await context.yield(self) }
}

extension Array: AgentOutput where Element: AgentOutput {
    /// Sends the elements in order.
    public func yield(to context: RunContext) async throws {
        for element in self { try await element.yield(to: context) }
    }
}

extension Optional: AgentOutput where Wrapped: AgentOutput {
    /// Sends the value. If `nil`, nothing is sent.
    public func yield(to context: RunContext) async throws { try await self?.yield(to: context) }
}

/// An agent that calls a closure.
struct ClosureAgent: Agent {
    let manifest: AgentManifest
    let policy: AgentPolicy
    let handler: @Sendable (RunContext) async throws -> Void

    func run(_ context: RunContext) async throws { try await handler(context) }
}
