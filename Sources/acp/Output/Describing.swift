// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore

extension RunStatus {
    var style: Style {
        switch self {
        case .completed: .green
        case .failed, .cancelled: .red
        case .awaiting, .cancelling: .yellow
        case .created, .inProgress: .cyan
        }
    }

    var cell: Table.Cell { Table.Cell(rawValue, style) }
}

extension MessagePart {
    /// The text of the part, or a description if it is not text.
    var shown: String {
        let isText = contentType.hasPrefix("text/") || contentType == "application/json"
        if !isArtifact, isText, let text { return text.printable }
        let label = name.map { "artifact \($0)" } ?? "part"
        if let contentURL { return "[\(label), \(contentType), at \(contentURL)]".printable }
        return "[\(label), \(contentType), \(bytes?.count ?? 0) bytes]".printable
    }
}

extension Message {
    /// All parts. Each part that is not text is on a separate line.
    var shown: String {
        var lines: [String] = []
        var text: String?
        for part in parts {
            let isPlain = !part.isArtifact && part.contentType.hasPrefix("text/") && part.text != nil
            if isPlain {
                text = (text ?? "") + part.shown
            } else {
                if let text { lines.append(text) }
                text = nil
                lines.append(part.shown)
            }
        }
        if let text { lines.append(text) }
        return lines.joined(separator: "\n")
    }
}

extension AwaitRequest {
    /// The text of the question.
    var shown: String {
        switch self {
        case .message(let message): message.shown
        case .other(let members): (try? String(decoding: ACPJSON.encode(members), as: UTF8.self)) ?? ""
        }
    }
}

extension Event {
    /// The content of the event in one line.
    var summary: String {
        switch self {
        case .runAwaiting(let run): run.awaitRequest?.shown.summary() ?? ""
        case .runFailed(let run): run.error.map { "\($0)".summary() } ?? ""
        case .runCreated(let run): "\(run.agentName)"
        case .runCompleted(let run): run.text.summary()
        case .runInProgress, .runCancelled: ""
        case .messageCreated(let message): message.role.rawValue
        case .messagePart(let part): part.shown.summary()
        case .messageCompleted(let message): message.shown.summary()
        case .generic(let value): (try? String(decoding: ACPJSON.encode(value), as: UTF8.self).summary(100)) ?? ""
        case .error(let error): "\(error)".summary()
        case .unknown(let members): (try? String(decoding: ACPJSON.encode(members), as: UTF8.self).summary(100)) ?? ""
        }
    }

    var style: Style? {
        switch kind {
        case .runFailed, .runCancelled, .error: .red
        case .runAwaiting: .yellow
        case .runCompleted: .green
        case .runCreated, .runInProgress: .cyan
        default: nil
        }
    }
}

extension StreamedEvent {
    /// The event as a line of a list.
    var line: String {
        let number = index.map { "\($0)" } ?? "-"
        let padding = String(repeating: " ", count: max(0, 5 - number.count))
        let kind = event.kind.rawValue.printable
        let gap = String(repeating: " ", count: max(1, 19 - kind.count))
        let summary = event.summary
        let text = "\(padding)\(number)  \(event.style.map { $0(kind) } ?? kind)"
        return summary.isEmpty ? text : text + gap + summary
    }
}
