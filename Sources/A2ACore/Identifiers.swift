// SPDX-License-Identifier: Apache-2.0

import ACPCore

/// A name that objects of the protocol are found by, kept as the text that travels on the wire.
///
/// The protocol allows any text. An empty one means that there is none: ``A2AObject/validate()`` reports it where an identifier is
/// required.
public protocol A2AIdentifier: RawRepresentable, Hashable, Sendable, Codable, Comparable, CustomStringConvertible,
    ExpressibleByStringLiteral
where RawValue == String {
    /// Creates the identifier of a text. Any text is allowed.
    init(rawValue: String)
}

extension A2AIdentifier {
    /// Creates an identifier that is written in the source code.
    public init(stringLiteral text: String) { self.init(rawValue: text) }

    /// Compares identifiers by their texts.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The text of the identifier.
    public var description: String { rawValue }
}

extension JSONText where Self: A2AIdentifier {
    package init(json reader: inout JSONReader) throws(JSONFault) { self.init(rawValue: try reader.string()) }

    package func write(to writer: inout JSONWriter) { writer.string(rawValue) }
}

extension A2A {
    /// Names one task. Servers choose it.
    public struct TaskID: A2AIdentifier, JSONText {
        /// The text of the identifier.
        public let rawValue: String
        /// Creates the identifier of a text.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Creates a new identifier: a random UUID in lower case.
        public init() { rawValue = RandomUUID.text() }
    }

    /// Names a conversation: tasks and messages that belong together.
    public struct ContextID: A2AIdentifier, JSONText {
        /// The text of the identifier.
        public let rawValue: String
        /// Creates the identifier of a text.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Creates a new identifier: a random UUID in lower case.
        public init() { rawValue = RandomUUID.text() }
    }

    /// Names one message. Who makes the message chooses it.
    public struct MessageID: A2AIdentifier, JSONText {
        /// The text of the identifier.
        public let rawValue: String
        /// Creates the identifier of a text.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Creates a new identifier: a random UUID in lower case.
        public init() { rawValue = RandomUUID.text() }
    }

    /// Names one artifact within its task.
    public struct ArtifactID: A2AIdentifier, JSONText {
        /// The text of the identifier.
        public let rawValue: String
        /// Creates the identifier of a text.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Creates a new identifier: a random UUID in lower case.
        public init() { rawValue = RandomUUID.text() }
    }

    /// Names one push notification configuration within its task.
    public struct PushConfigID: A2AIdentifier, JSONText {
        /// The text of the identifier.
        public let rawValue: String
        /// Creates the identifier of a text.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Creates a new identifier: a random UUID in lower case.
        public init() { rawValue = RandomUUID.text() }
    }
}
