// SPDX-License-Identifier: Apache-2.0

import A2ACore

extension A2A.Task {
    /// Updates the task with an element of its stream.
    ///
    /// ```swift
    /// for try await event in stream { task.apply(event) }
    /// ```
    ///
    /// Messages and elements of unknown kinds change nothing.
    public mutating func apply(_ element: A2A.StreamResponse) {
        switch element {
        case .task(let task): self = task
        case .message, .unknown: break
        case .statusUpdate(let update): status = update.status
        case .artifactUpdate(let update):
            guard let index = artifacts.firstIndex(where: { $0.id == update.artifact.id }) else {
                artifacts.append(update.artifact)
                return
            }
            if update.isAppended {
                artifacts[index].parts.append(contentsOf: update.artifact.parts)
            } else {
                artifacts[index] = update.artifact
            }
        }
    }

    /// Returns the updates that turn this task into a newer state of it, so that a reader of updates misses nothing and
    /// receives nothing twice.
    ///
    /// An artifact that the newer state has in a shorter form was read before it had grown, and is left as it is.
    package func updates(to newer: A2A.Task) -> [A2A.StreamResponse] {
        var updates: [A2A.StreamResponse] = []
        let contextID = newer.contextID ?? contextID ?? ""
        for artifact in newer.artifacts {
            var added = artifact
            var isAppended = false
            if let known = artifacts.first(where: { $0.id == artifact.id }) {
                switch Growth(of: known.parts, to: artifact.parts) {
                case .none: continue
                case .added(let parts):
                    added.parts = parts
                    isAppended = true
                case .replaced: break
                }
            }
            updates.append(
                .artifactUpdate(
                    .init(taskID: newer.id, contextID: contextID, artifact: added, isAppended: isAppended)))
        }
        if newer.status != status {
            updates.append(.statusUpdate(.init(taskID: newer.id, contextID: contextID, status: newer.status)))
        }
        return updates
    }
}

/// How the parts of an artifact have changed.
private enum Growth {
    case none
    case added([A2A.Part])
    case replaced

    init(of known: [A2A.Part], to newer: [A2A.Part]) {
        if newer.starts(with: known) {
            self = newer.count == known.count ? .none : .added(Array(newer.dropFirst(known.count)))
            return
        }
        if known.starts(with: newer) {
            self = .none
            return
        }
        // Servers may join texts that they have sent in pieces.
        guard let before = Self.plainText(known), let after = Self.plainText(newer) else {
            self = .replaced
            return
        }
        if after.utf8.starts(with: before.utf8) {
            let rest = String(decoding: after.utf8.dropFirst(before.utf8.count), as: UTF8.self)
            self = rest.isEmpty ? .none : .added([.text(rest)])
        } else {
            self = before.utf8.starts(with: after.utf8) ? .none : .replaced
        }
    }

    /// The joined text, or `nil` if a part is not plain text.
    private static func plainText(_ parts: [A2A.Part]) -> String? {
        var text = ""
        for part in parts {
            guard let piece = part.text, part.metadata == nil, part.filename == nil else { return nil }
            text += piece
        }
        return text
    }
}
