// SPDX-License-Identifier: Apache-2.0

/// Performs a step, and cancels it when the time is up.
///
/// - Returns: `nil` if the time was up first.
package func withDeadline<Result: Sendable>(
    _ limit: Duration, _ step: @escaping @Sendable () async throws -> Result
) async rethrows -> Result? {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await step() }
        group.addTask {
            try? await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
    }
}
