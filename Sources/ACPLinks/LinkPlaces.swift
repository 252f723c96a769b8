// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Which loads may be under way, and which wait: a value without locks. A host that is slow does not take the places of others.
struct LinkPlaces {
    private let limit: Int
    private let hostLimit: Int
    private(set) var running = 0
    private var runningPerHost: [String: Int] = [:]
    private var line: Deque<(id: Int, host: String)> = []

    init(limit: Int, hostLimit: Int) {
        self.limit = max(1, limit)
        self.hostLimit = max(1, hostLimit)
    }

    var waiting: Int { line.count }

    /// - Returns: Whether the load has a place at once. Else it waits.
    mutating func enter(_ id: Int, host: String) -> Bool {
        guard hasPlace(for: host) else {
            line.append((id, host))
            return false
        }
        take(host)
        return true
    }

    /// A load that waits does not need a place any more.
    ///
    /// - Returns: False if it does not wait: it has a place, which has to be given back.
    mutating func giveUp(_ id: Int) -> Bool {
        guard let index = line.firstIndex(where: { $0.id == id }) else { return false }
        line.remove(at: index)
        return true
    }

    /// A load that had a place has ended.
    ///
    /// - Returns: Those that have got a place now.
    mutating func leave(host: String) -> [Int] {
        running -= 1
        let left = (runningPerHost[host] ?? 0) - 1
        runningPerHost[host] = left > 0 ? left : nil
        var next: [Int] = []
        var index = 0
        while running < limit, index < line.count {
            guard hasPlace(for: line[index].host) else {
                index += 1
                continue
            }
            let load = line.remove(at: index)
            take(load.host)
            next.append(load.id)
        }
        return next
    }

    private func hasPlace(for host: String) -> Bool { running < limit && (runningPerHost[host] ?? 0) < hostLimit }

    private mutating func take(_ host: String) {
        running += 1
        runningPerHost[host, default: 0] += 1
    }
}
