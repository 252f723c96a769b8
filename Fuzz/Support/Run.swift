// SPDX-License-Identifier: Apache-2.0

// Compiled into the targets whose properties are in the folder Tests, where the tests replay their corpora.

import Dispatch

/// Checks the properties of a target for an input of libFuzzer. A violation ends the process, which libFuzzer reports.
func run(_ start: UnsafePointer<UInt8>?, _ count: Int, _ check: ([UInt8]) throws -> Void) -> CInt {
    do {
        try check(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("\(error)")
    }
    return 0
}

/// Checks properties that are asynchronous, and waits for the outcome.
func runBlocking(
    _ start: UnsafePointer<UInt8>?, _ count: Int, _ check: @escaping @Sendable ([UInt8]) async throws -> Void
) -> CInt {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let done = DispatchSemaphore(value: 0)
    // Unstructured because libFuzzer calls a function that is not asynchronous. It ends before that function returns.
    Task {
        do {
            try await check(input)
        } catch {
            fatalError("\(error)")
        }
        done.signal()
    }
    done.wait()
    return 0
}
