// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

// Parts as they are stored, for those who read them without their contents.

extension MessagePart {
    /// What ``contentURL`` says, if it begins like a reference.
    var stored: (reference: ContentReference?, own: String?)? {
        guard let rest = contentURL?.dropping(ContentReference.scheme) else { return nil }
        if let own = rest.dropping(ContentReference.ownMark) { return (nil, ContentReference.scheme + own) }
        return (ContentReference(rest.utf8), nil)
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

extension Run {
    /// Whether there are parts that refer to contents, or whose URLs are marked.
    var mayRefer: Bool {
        output.contains { $0.mayRefer } || awaitRequest?.message?.mayRefer == true
    }

    mutating func changeParts(_ body: (inout MessagePart) -> Void) {
        for index in output.indices { output[index].changeParts(body) }
        guard var question = awaitRequest?.message else { return }
        question.changeParts(body)
        awaitRequest = .message(question)
    }
}

extension Message {
    fileprivate var mayRefer: Bool { parts.contains { $0.stored != nil } }

    fileprivate mutating func changeParts(_ body: (inout MessagePart) -> Void) {
        for index in parts.indices { body(&parts[index]) }
    }
}
