// SPDX-License-Identifier: Apache-2.0

/// Information about a message part besides its content.
public enum PartMetadata: Sendable, Hashable {
    /// The source of a piece of information.
    case citation(CitationMetadata)
    /// A step of the agent's work.
    case trajectory(TrajectoryMetadata)
    /// Metadata of a kind that this version does not know, kept as they were received.
    case other(JSONObject)
}

/// The source of a piece of information.
///
/// If the same part has content, the citation belongs to that content. Otherwise ``startIndex`` and ``endIndex`` mark a
/// range of characters of the message, counted across all its text parts. If one of them is missing or both are equal,
/// the citation marks a position instead of a range.
public struct CitationMetadata: Sendable, Hashable {
    /// The index of the first character of the range.
    public var startIndex: Int?
    /// The index after the last character of the range.
    public var endIndex: Int?
    /// The URL of the source.
    public var url: String?
    /// The title of the source.
    public var title: String?
    /// A description of the source, or a quotation from it.
    public var description: String?

    /// Creates a citation.
    ///
    /// - Parameters:
    ///   - url: The URL of the source.
    ///   - title: The title of the source.
    ///   - description: A description of the source, or a quotation from it.
    ///   - startIndex: The index of the first character of the range.
    ///   - endIndex: The index after the last character of the range.
    public init(
        url: String? = nil, title: String? = nil, description: String? = nil, startIndex: Int? = nil,
        endIndex: Int? = nil
    ) {
        self.startIndex = startIndex
        self.endIndex = endIndex
        self.url = url
        self.title = title
        self.description = description
    }
}

/// A step of the agent's work: a thought (``message``), or a call of a tool.
public struct TrajectoryMetadata: Sendable, Hashable {
    /// What the agent thinks or does in this step.
    public var message: String?
    /// The name of the tool that the agent called.
    public var toolName: String?
    /// The input of the tool. A value that is not an object, as some servers send it, is read as `{"value": …}`.
    public var toolInput: JSONObject?
    /// The output of the tool. A value that is not an object, as some servers send it, is read as `{"value": …}`.
    public var toolOutput: JSONObject?

    /// Creates a step.
    ///
    /// - Parameters:
    ///   - message: What the agent thinks or does in this step.
    ///   - toolName: The name of the tool that the agent called.
    ///   - toolInput: The input of the tool.
    ///   - toolOutput: The output of the tool.
    public init(
        message: String? = nil, toolName: String? = nil, toolInput: JSONObject? = nil, toolOutput: JSONObject? = nil
    ) {
        self.message = message
        self.toolName = toolName
        self.toolInput = toolInput
        self.toolOutput = toolOutput
    }
}
