// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

// Parts as they are stored, for readers that do not need their contents.

extension MessagePart {
    /// What ``contentURL`` contains if it starts like a reference: a reference, or a caller's escaped URL.
    var stored: (reference: ContentReference?, own: String?)? {
        guard let rest = contentURL?.dropping(ContentReference.scheme) else { return nil }
        if let own = rest.dropping(ContentReference.escapePrefix) { return (nil, ContentReference.scheme + own) }
        return (ContentReference(rest.utf8), nil)
    }
}

extension StringProtocol where SubSequence == Substring {
    /// Returns what follows a prefix, or `nil` if this does not start with it. Bytes are compared, not characters,
    /// since a character that follows the prefix may combine with its last letter.
    fileprivate func dropping(_ beginning: String) -> Substring? {
        guard utf8.starts(with: beginning.utf8) else { return nil }
        return self[utf8.index(startIndex, offsetBy: beginning.utf8.count)...]
    }
}

extension Run {
    /// Whether there are parts that refer to contents, or whose URLs are escaped.
    var canContainReferences: Bool {
        output.contains { $0.canContainReferences } || awaitRequest?.message?.canContainReferences == true
    }

    mutating func changeParts(_ body: (inout MessagePart) -> Void) {
        for index in output.indices { output[index].changeParts(body) }
        guard var question = awaitRequest?.message else { return }
        question.changeParts(body)
        awaitRequest = .message(question)
    }
}

extension Message {
    fileprivate var canContainReferences: Bool { parts.contains { $0.stored != nil } }

    fileprivate mutating func changeParts(_ body: (inout MessagePart) -> Void) {
        for index in parts.indices { body(&parts[index]) }
    }
}
