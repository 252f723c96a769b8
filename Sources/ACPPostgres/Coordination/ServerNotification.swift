// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// A notification of ``Schema``'s `acp_notify`: a letter for the event, followed by its subject.
enum ServerNotification {
    case change(RunID)
    /// A signal for a run was stored. If the owner is known, only the owner is notified.
    case signal(RunID, owner: ProcessID?)
    case departure(ProcessID)

    /// Reads a payload. `nil` if it does not belong to this storage.
    init?(_ payload: String) {
        let words = payload.dropFirst().split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        switch payload.first {
        case "c":
            guard let run = RunID(rawValue: String(payload.dropFirst())) else { return nil }
            self = .change(run)
        case "s":
            guard let run = words.first.flatMap({ RunID(rawValue: String($0)) }) else { return nil }
            let owner = words.count > 1 ? String(unescaping: Array(words[1].utf8)) : ""
            self = .signal(run, owner: owner.isEmpty ? nil : ProcessID(rawValue: owner))
        case "d":
            self = .departure(ProcessID(rawValue: String(unescaping: Array(payload.utf8.dropFirst()))))
        default: return nil
        }
    }

    /// Notifies the streams of this process that the notification concerns.
    func notify(_ registry: WatchRegistry) {
        switch self {
        case .change(let run): registry.runDidChange(run)
        case .signal(let run, let owner): registry.announce(.signal(run)) { owner == nil || $0 == owner }
        case .departure(let leaver): registry.announce(.departure) { $0 != leaver }
        }
    }
}
