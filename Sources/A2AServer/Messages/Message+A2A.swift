// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

extension ACPCore.Message {
    /// Creates the message that keeps a message of A2A. Its task and its context are those of the run that it belongs
    /// to, and not kept.
    ///
    /// - Throws: ``ACPError`` if the message holds a value that JSON cannot represent.
    init(_ message: A2A.Message) throws(ACPError) {
        var parts: [MessagePart] = []
        parts.reserveCapacity(message.parts.count)
        for part in message.parts { parts.append(try MessagePart(part)) }
        var own = JSONObject()
        if !message.id.rawValue.isEmpty { own.set(A2AMember.messageID, message.id.rawValue) }
        own.set(A2AMember.metadata, message.metadata)
        own.set(A2AMember.extensions, message.extensions)
        own.set(A2AMember.referenceTaskIDs, message.referenceTaskIDs.map(\.rawValue))
        let now = Timestamp.now
        self.init(role: message.role == .agent ? .agent(nil) : .user, parts: parts, createdAt: now, completedAt: now)
        extra.a2a = own
    }

    /// What the output message is used for, if it is not an artifact.
    var use: MessageUse? {
        guard !extra.isEmpty else { return nil }
        return extra.a2a?.text(A2AMember.use).flatMap(MessageUse.init(rawValue:))
    }
}

extension A2A.Message {
    /// Creates the message of A2A that a message is.
    ///
    /// - Parameters:
    ///   - message: The message.
    ///   - id: The id of the message, if it has none of its own.
    ///   - task: The task that the message belongs to.
    ///   - context: The context that the message belongs to.
    ///   - role: The role of the message. Defaults to its own.
    init(
        _ message: ACPCore.Message, id: @autoclosure () -> A2A.MessageID, task: A2A.TaskID?, context: A2A.ContextID?,
        role: A2A.Role? = nil
    ) {
        let own = message.extra.isEmpty ? nil : message.extra.a2a
        self.init(
            id: own?.text(A2AMember.messageID).map(A2A.MessageID.init(rawValue:)) ?? id(),
            contextID: context,
            taskID: task,
            role: role ?? (message.role == .user ? .user : .agent),
            // At least one part is required.
            parts: message.parts.isEmpty ? [.text("")] : message.parts.map(A2A.Part.init),
            metadata: own?.object(A2AMember.metadata),
            extensions: own?.texts(A2AMember.extensions) ?? [],
            referenceTaskIDs: own?.texts(A2AMember.referenceTaskIDs).map(A2A.TaskID.init(rawValue:)) ?? [])
    }
}
