// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// What ``Schema``'s `acp_notify` sends: a letter for what happened, and to whom.
enum ServerNotification {
    case change(RunID)
    /// There is a signal for a run. If the owner is known, it alone is told.
    case signal(RunID, owner: ProcessID?)
    case departure(ProcessID)

    /// Reads a payload. `nil` if it is none of this storage.
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

    /// Wakes the streams of this process that it is meant for.
    func pass(on registry: WatchRegistry) {
        switch self {
        case .change(let run): registry.runDidChange(run)
        case .signal(let run, let owner): registry.announce(.signal(run)) { owner == nil || $0 == owner }
        case .departure(let leaver): registry.announce(.departure) { $0 != leaver }
        }
    }
}
