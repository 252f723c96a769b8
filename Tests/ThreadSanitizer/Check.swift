// SPDX-License-Identifier: Apache-2.0

// Shows that the thread sanitizer is to be believed. scripts/test-tsan runs it without an argument, which must be clean, and
// with one, which must not be.

import Synchronization

private final class Guarded: Sendable {
    let numbers = Mutex<[Int]>([])
}

/// Not sendable at all, whatever it says: a race that the sanitizer has to find.
private final class Unguarded: @unchecked Sendable {
    var count = 0
}

@main
private struct Check {
    static func main() async {
        let guarded = Guarded()
        let unguarded = Unguarded()
        let races = CommandLine.arguments.count > 1
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<2_000 {
                        guarded.numbers.withLock { $0.append(number) }
                        if races { unguarded.count += 1 }
                    }
                }
            }
        }
    }
}
