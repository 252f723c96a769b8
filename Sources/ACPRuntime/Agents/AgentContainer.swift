// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// A type that agents can be added to: a registry, or a server.
///
/// An agent is a type that conforms to ``Agent``, or a closure:
///
/// ```swift
/// try server.addAgent("greeter", description: "Greets its caller") { context in
///     "Hello, \(context.input.first?.text ?? "World")!"
/// }
/// ```
public protocol AgentContainer: Sendable {
    /// Adds an agent.
    ///
    /// - Parameter agent: The agent.
    ///
    /// - Throws: ``RunEngineError`` with code `duplicateAgent` if another agent has the same name.
    func addAgent(_ agent: some Agent) throws(RunEngineError)
}

extension AgentContainer {
    /// Adds an agent whose handler sends its output with ``RunContext/yield(_:)-(String)``.
    ///
    /// - Parameters:
    ///   - name: The name under which the agent is called.
    ///   - description: A description for people. Defaults to an empty string.
    ///   - inputContentTypes: The MIME types of the input that the agent accepts. Defaults to any.
    ///   - outputContentTypes: The MIME types of the output that the agent produces. Defaults to any.
    ///   - metadata: Further members of the manifest. Defaults to none.
    ///   - policy: Timeouts, recovery and concurrency of the agent's runs. Defaults to ``AgentPolicy`` without
    ///     arguments.
    ///   - run: Executes one run. The run completes when it returns, and fails when it throws.
    /// - Throws: ``RunEngineError`` with code `duplicateAgent` if another agent has the same name.
    public func addAgent(
        _ name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        policy: AgentPolicy = AgentPolicy(),
        run: @escaping @Sendable (RunContext) async throws -> Void
    ) throws(RunEngineError) {
        let manifest = AgentManifest(
            name: name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata)
        try addAgent(ClosureAgent(manifest: manifest, policy: policy, handler: run))
    }

    /// Adds an agent whose handler returns its output: text, a part, a message, several of them, or `nil` for none.
    ///
    /// The parameters and errors are those of the agent without a return value.
    public func addAgent<Output: AgentOutput>(
        _ name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        policy: AgentPolicy = AgentPolicy(),
        run: @escaping @Sendable (RunContext) async throws -> Output
    ) throws(RunEngineError) {
        try addAgent(
            name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata, policy: policy
        ) { context in
            try await run(context).yield(to: context)
        }
    }

    /// Adds an agent whose handler returns a sequence of output. Each element is sent as soon as it is produced.
    ///
    /// The parameters and errors are those of the agent without a return value.
    public func addAgent<Output: AsyncSequence & SendableMetatype>(
        _ name: AgentName,
        description: String = "",
        inputContentTypes: [String] = ["*/*"],
        outputContentTypes: [String] = ["*/*"],
        metadata: AgentMetadata = AgentMetadata(),
        policy: AgentPolicy = AgentPolicy(),
        run: @escaping @Sendable (RunContext) async throws -> Output
    ) throws(RunEngineError) where Output.Element: AgentOutput, Output.AsyncIterator: SendableMetatype {
        try addAgent(
            name, description: description, inputContentTypes: inputContentTypes,
            outputContentTypes: outputContentTypes, metadata: metadata, policy: policy
        ) { context in
            for try await element in try await run(context) { try await element.yield(to: context) }
        }
    }
}
