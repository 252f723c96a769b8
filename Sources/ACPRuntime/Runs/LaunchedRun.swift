// SPDX-License-Identifier: Apache-2.0

package import ACPCore

/// A run that somebody has asked for, to be waited for in one step: until it was created, or until it has an answer.
package struct LaunchedRun: Sendable {
    let engine: RunEngine
    /// The run as it is created, or as it was found.
    package let run: Run
    /// Nil if the run is known to be stored.
    let execution: RunExecution?

    /// Whether the run is known to exist.
    package var exists: Bool { execution?.isStored ?? true }

    /// Returns when the run is stored.
    ///
    /// - Throws: ``RunEngineError`` if it cannot be; `CancellationError`.
    package func creation() async throws {
        try await engine.storing { try await execution?.creation() }
    }

    /// The run when it has ended, or asks something.
    ///
    /// - Throws: ``RunEngineError``; `CancellationError`.
    func settledRun() async throws -> Run {
        if let settlement = try await settlement() { return settlement.run }
        return try await engine.settledRun(run.id, after: 0)
    }

    /// The same as JSON, which somebody has made already where the run is executed here.
    ///
    /// - Throws: ``RunEngineError``; `CancellationError`.
    package func settledJSON() async throws -> [UInt8] {
        if let settlement = try await settlement() { return settlement.json }
        return try await engine.settledRunJSON(run.id, after: 0)
    }

    private func settlement() async throws -> RunExecution.Settlement? {
        try await engine.storing { try await execution?.settlement(after: 0) }
    }
}
