// SPDX-License-Identifier: Apache-2.0

package import ACPCore
package import ACPStorage

/// What the document of a run does not contain.
package struct RunDetails: Sendable {
    /// The messages with which the run was created. Empty if they are not stored.
    package let input: [Message]
    /// The number of events that are stored.
    package let eventCount: Int
    /// The process that executes the run, or that has executed it last. `nil` if the run was saved by a program without
    /// an engine.
    package let process: ProcessID?
}

extension RunEngine {
    /// Returns the input of a run, and the process that owns it.
    ///
    /// - Throws: ``RunEngineError``: `unknownRun`; `storage`.
    package func details(of id: RunID) async throws -> RunDetails {
        try requireVisible(id)
        return try await storing {
            async let input = storage.input(of: id)
            guard let run = try await storage.storedRun(id) else { throw RunEngineError.unknownRun(id) }
            return RunDetails(
                input: try await input ?? [], eventCount: run.coveredEvents + run.laterEvents.count,
                process: run.owner?.process)
        }
    }
}
