// SPDX-License-Identifier: Apache-2.0

/// Evaluates a condition repeatedly until it is true.
///
/// - Returns: Whether the condition became true within the limit.
@discardableResult
public func poll(
    for limit: Duration = .seconds(10), every pause: Duration = .milliseconds(10),
    until condition: () async throws -> Bool
) async throws -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while true {
        if try await condition() { return true }
        if clock.now >= end { return false }
        try await Task.sleep(for: pause)
    }
}

/// Evaluates a condition repeatedly until it is true.
///
/// - Parameters:
///   - what: The description of the condition in the error.
///   - limit: When the test fails. Long enough for a busy machine.
/// - Throws: ``NeverHappened``, or the error of the condition.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), file: StaticString = #fileID, line: UInt = #line,
    _ condition: () async throws -> Bool
) async throws {
    guard try await poll(for: limit, every: .milliseconds(2), until: condition) else {
        throw NeverHappened(description: "never happened: \(what) (\(file):\(line))")
    }
}

/// The error when an event that a test waited for did not happen.
public struct NeverHappened: Error, CustomStringConvertible {
    /// The event.
    public let description: String

    /// Creates an error with a message.
    public init(description: String = "this never happened") { self.description = description }
}
