// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

/// Assigns the parts of a run's output, one after the other, to the artifacts of its task.
///
/// Parts that were sent as parts of an artifact belong to that one. Of all others, the unnamed parts of a message are
/// one artifact, and those with a name are another one for each name. The ids follow from the place of the message in
/// the output. A message that is used as the message of a status has no artifact.
///
/// Tasks and streams use the same cursor, so that what a stream has sent is what the task contains.
struct ArtifactCursor: Sendable {
    /// The number of messages so far.
    private(set) var messages = 0
    private var isOpen = false
    private var isStatus = false
    /// The number of parts of the open message.
    private var parts = 0
    private var hasUnnamed = false
    private var names: Set<String> = []
    /// The artifact that was begun last without an id of its own.
    private var lastWithoutID: A2A.ArtifactID?

    /// Creates a cursor before the first message.
    init() {}

    /// Creates a cursor after some messages.
    ///
    /// - Parameters:
    ///   - messages: The number of messages, of which the last one may be open.
    ///   - open: The open message, if there is one, with the parts before the cursor.
    init(after messages: Int, open: ACPCore.Message?) {
        self.messages = messages
        guard let open else { return }
        self.messages -= 1
        begin(open)
        for part in open.parts { _ = place(part) }
    }

    /// Begins a message.
    mutating func begin(_ message: ACPCore.Message) {
        begin(isStatus: message.use != nil)
    }

    private mutating func begin(isStatus: Bool) {
        messages += 1
        isOpen = true
        self.isStatus = isStatus
        parts = 0
        hasUnnamed = false
        if !names.isEmpty { names = [] }
        lastWithoutID = nil
    }

    /// Completes the open message.
    mutating func complete() { isOpen = false }

    /// Returns the artifact that a part of the open message belongs to, or `nil` if it belongs to none. The next part
    /// follows it.
    mutating func place(_ part: MessagePart) -> ArtifactMarker? {
        // Other servers need not announce messages.
        if !isOpen { begin(isStatus: false) }
        defer { parts += 1 }
        if isStatus { return nil }
        let message = messages - 1
        if var marker = part.artifactMarker {
            if marker.id == nil {
                if marker.isAppended, let lastWithoutID {
                    marker.id = lastWithoutID
                } else {
                    lastWithoutID = A2A.ArtifactID(rawValue: "output-\(message).\(parts)")
                    marker.id = lastWithoutID
                }
            }
            return marker
        }
        guard let name = part.name else {
            var marker = ArtifactMarker(id: A2A.ArtifactID(rawValue: "output-\(message)"))
            marker.isAppended = hasUnnamed
            hasUnnamed = true
            return marker
        }
        var marker = ArtifactMarker(id: A2A.ArtifactID(rawValue: "output-\(message)-\(name)"))
        marker.isAppended = !names.insert(name).inserted
        if !marker.isAppended { marker.name = name }
        return marker
    }
}

extension A2A.Artifact {
    /// Creates the piece of an artifact that consists of one part.
    init(_ marker: ArtifactMarker, _ part: MessagePart) {
        self.init(
            id: marker.id ?? "", name: marker.name, description: marker.description, parts: [A2A.Part(part)],
            metadata: marker.metadata, extensions: marker.extensions)
    }

    /// Adds a later piece.
    mutating func append(_ piece: A2A.Artifact) {
        name = piece.name ?? name
        description = piece.description ?? description
        parts += piece.parts
        if let added = piece.metadata { metadata = (metadata ?? [:]).merging(added) { _, added in added } }
        extensions += piece.extensions.filter { !extensions.contains($0) }
    }

    /// Returns the artifacts of a run's output, in the order in which they were begun.
    static func artifacts(of output: [ACPCore.Message]) -> [A2A.Artifact] {
        var artifacts: [A2A.Artifact] = []
        var positions: [A2A.ArtifactID: Int] = [:]
        var cursor = ArtifactCursor()
        for message in output {
            cursor.begin(message)
            for part in message.parts {
                guard let marker = cursor.place(part) else { continue }
                let piece = A2A.Artifact(marker, part)
                if let position = positions[piece.id] {
                    if marker.isAppended { artifacts[position].append(piece) } else { artifacts[position] = piece }
                } else {
                    positions[piece.id] = artifacts.count
                    artifacts.append(piece)
                }
            }
            cursor.complete()
        }
        return artifacts
    }
}
