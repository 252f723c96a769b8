// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

// The same for values, where storage takes and gives values: the parts of messages, wherever these stand.

extension MessagePart {
    /// Puts a reference in the place of a content of more than `limit` bytes, and marks a URL that looks like one.
    mutating func reduce(
        limit: Int?, _ add: (ContentReference, ArraySlice<UInt8>) -> Void
    ) throws(ACPError) {
        if let contentURL {
            guard let rest = contentURL.dropping(ContentReference.scheme) else { return }
            self.contentURL = ContentReference.scheme + ContentReference.ownMark + rest
        } else if let limit, let content, content.utf8.count > limit {
            let stored = try ACPJSON.encode(content).dropFirst().dropLast()
            let reference = ContentReference(to: stored)
            add(reference, stored)
            self.content = nil
            contentURL = reference.url
        }
    }

    /// Whether ``reduce(limit:_:)`` would change something.
    func canBeReduced(limit: Int?) -> Bool {
        if let contentURL { return contentURL.dropping(ContentReference.scheme) != nil }
        guard let limit, let content else { return false }
        return content.utf8.count > limit
    }

    /// What ``contentURL`` says, if it begins like a reference.
    var stored: (reference: ContentReference?, own: String?)? {
        guard let rest = contentURL?.dropping(ContentReference.scheme) else { return nil }
        if let own = rest.dropping(ContentReference.ownMark) { return (nil, ContentReference.scheme + own) }
        return (ContentReference(rest.utf8), nil)
    }

    /// Puts the content back in the place of a reference, and a URL as its author wrote it.
    mutating func restore(_ content: (ContentReference) throws(StorageError) -> String) throws(StorageError) {
        guard let stored else { return }
        if let own = stored.own { contentURL = own }
        guard let reference = stored.reference else { return }
        self.content = try content(reference)
        contentURL = nil
    }
}

extension StringProtocol where SubSequence == Substring {
    /// What follows a beginning, or nil if this begins otherwise. Bytes count here, not characters: a sign that follows the
    /// beginning may combine with its last letter.
    fileprivate func dropping(_ beginning: String) -> Substring? {
        guard utf8.starts(with: beginning.utf8) else { return nil }
        return self[utf8.index(startIndex, offsetBy: beginning.utf8.count)...]
    }
}

/// Something with parts of messages in it.
protocol PartsHolder {
    func forEachPart(_ body: (MessagePart) -> Void)
    mutating func changeParts<Failure: Error>(_ body: (inout MessagePart) throws(Failure) -> Void) throws(Failure)
}

extension PartsHolder {
    func canBeReduced(limit: Int?) -> Bool {
        var canBe = false
        forEachPart { if !canBe { canBe = $0.canBeReduced(limit: limit) } }
        return canBe
    }

    /// Whether there are parts to restore.
    var mayRefer: Bool {
        var does = false
        forEachPart { if !does { does = $0.stored != nil } }
        return does
    }

    var references: [ContentReference] {
        var references: [ContentReference] = []
        forEachPart { if let reference = $0.stored?.reference { references.append(reference) } }
        return references
    }
}

extension Message: PartsHolder {
    func forEachPart(_ body: (MessagePart) -> Void) { parts.forEach(body) }

    mutating func changeParts<Failure: Error>(_ body: (inout MessagePart) throws(Failure) -> Void) throws(Failure) {
        for index in parts.indices { try body(&parts[index]) }
    }
}

extension Array: PartsHolder where Element: PartsHolder {
    func forEachPart(_ body: (MessagePart) -> Void) { for element in self { element.forEachPart(body) } }

    mutating func changeParts<Failure: Error>(_ body: (inout MessagePart) throws(Failure) -> Void) throws(Failure) {
        for index in indices { try self[index].changeParts(body) }
    }
}

extension HistoryEntry: PartsHolder {
    func forEachPart(_ body: (MessagePart) -> Void) {
        if case .message(let message) = self { message.forEachPart(body) }
    }

    mutating func changeParts<Failure: Error>(_ body: (inout MessagePart) throws(Failure) -> Void) throws(Failure) {
        guard case .message(var message) = self else { return }
        try message.changeParts(body)
        self = .message(message)
    }
}

extension Run: PartsHolder {
    func forEachPart(_ body: (MessagePart) -> Void) {
        output.forEachPart(body)
        awaitRequest?.message?.forEachPart(body)
    }

    mutating func changeParts<Failure: Error>(_ body: (inout MessagePart) throws(Failure) -> Void) throws(Failure) {
        try output.changeParts(body)
        guard var question = awaitRequest?.message else { return }
        try question.changeParts(body)
        awaitRequest = .message(question)
    }
}
