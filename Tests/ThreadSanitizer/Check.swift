// SPDX-License-Identifier: Apache-2.0

// Shows that the thread sanitizer is to be believed. scripts/test-tsan runs it without an argument, which must be clean, and
// with one, which must not be.

import Dispatch
import Synchronization

private final class Guarded: Sendable {
    let numbers = Mutex<[Int]>([])
}

/// Not sendable at all, whatever it says: a race that the sanitizer has to find.
private final class Unguarded: @unchecked Sendable {
    var count = 0
}

private struct Failure: Error {
    let text: String
}

@main
private struct Check {
    /// Waits for values and errors that another thread has created, mostly after it has passed them on.
    static func wait(_ number: Int) async -> Int {
        let values = await withUnsafeContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: [number]) }
            for _ in 0..<number { _ = DispatchTime.now() }
        }
        do {
            return try await withUnsafeThrowingContinuation { continuation in
                DispatchQueue.global().async {
                    continuation.resume(throwing: Failure(text: "the number is \(values[0])"))
                }
                for _ in 0..<number { _ = DispatchTime.now() }
            }
        } catch {
            return (error as? Failure)?.text.utf8.count ?? 0
        }
    }

    static func main() async {
        let guarded = Guarded()
        let unguarded = Unguarded()
        let races = CommandLine.arguments.count > 1
        for number in 0..<2_000 { _ = await wait(number) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for number in 0..<2_000 {
                        guarded.numbers.withLock { $0.append(number) }
                        // Not after the lock, which would order most of it.
                        if races, number.isMultiple(of: 100) {
                            await Task.yield()
                            unguarded.count += 1
                        }
                    }
                }
            }
        }
    }
}
