// SPDX-License-Identifier: Apache-2.0

/// What a message part says about itself beyond its content.
public enum PartMetadata: Sendable, Hashable {
    case citation(CitationMetadata)
    case trajectory(TrajectoryMetadata)
    /// A kind that this version does not know, kept as it came.
    case other(JSONObject)
}

/// Where a piece of information comes from.
///
/// With content in the same part, the citation belongs to that content. Otherwise ``startIndex`` and ``endIndex`` mark a
/// range of characters of the message, counted across all its text parts; if one is missing or both are equal,
/// the citation stands at that position.
public struct CitationMetadata: Sendable, Hashable {
    public var startIndex: Int?
    public var endIndex: Int?
    /// The source document.
    public var url: String?
    public var title: String?
    /// Describes the source, or quotes the passage.
    public var description: String?

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

/// A step on the agent's way to its answer: a thought (``message``), or a call of a tool.
public struct TrajectoryMetadata: Sendable, Hashable {
    public var message: String?
    public var toolName: String?
    /// What the tool was called with. Read from another implementation that sends no object, it is `{"value": …}`.
    public var toolInput: JSONObject?
    /// What the tool returned; likewise.
    public var toolOutput: JSONObject?

    public init(
        message: String? = nil, toolName: String? = nil, toolInput: JSONObject? = nil, toolOutput: JSONObject? = nil
    ) {
        self.message = message
        self.toolName = toolName
        self.toolInput = toolInput
        self.toolOutput = toolOutput
    }
}
