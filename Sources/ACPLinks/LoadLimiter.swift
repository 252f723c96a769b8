// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Limits the number of concurrent loads in total and per host, so that a slow host does not delay loads from others. A
/// value type without locks.
struct LoadLimiter {
    private let limit: Int
    private let hostLimit: Int
    private(set) var running = 0
    private var runningPerHost: [String: Int] = [:]
    private var queue: Deque<(id: Int, host: String)> = []

    init(limit: Int, hostLimit: Int) {
        self.limit = max(1, limit)
        self.hostLimit = max(1, hostLimit)
    }

    var waiting: Int { queue.count }

    /// Starts a load, or enqueues it if a limit is reached.
    ///
    /// - Returns: Whether the load can start at once. Otherwise it waits until ``release(host:)`` returns it.
    mutating func acquire(_ id: Int, host: String) -> Bool {
        guard hasCapacity(for: host) else {
            queue.append((id, host))
            return false
        }
        add(host)
        return true
    }

    /// Removes a waiting load.
    ///
    /// - Returns: `false` if the load is not waiting: it has started, and must be released when it ends.
    mutating func cancel(_ id: Int) -> Bool {
        guard let index = queue.firstIndex(where: { $0.id == id }) else { return false }
        queue.remove(at: index)
        return true
    }

    /// Ends a load.
    ///
    /// - Returns: The waiting loads that can start now.
    mutating func release(host: String) -> [Int] {
        running -= 1
        let left = (runningPerHost[host] ?? 0) - 1
        runningPerHost[host] = left > 0 ? left : nil
        var next: [Int] = []
        var index = 0
        while running < limit, index < queue.count {
            guard hasCapacity(for: queue[index].host) else {
                index += 1
                continue
            }
            let load = queue.remove(at: index)
            add(load.host)
            next.append(load.id)
        }
        return next
    }

    private func hasCapacity(for host: String) -> Bool { running < limit && (runningPerHost[host] ?? 0) < hostLimit }

    private mutating func add(_ host: String) {
        running += 1
        runningPerHost[host, default: 0] += 1
    }
}
