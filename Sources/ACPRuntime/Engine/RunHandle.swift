// SPDX-License-Identifier: Apache-2.0

package import ACPCore
import ACPStorage

/// A run to wait for, whichever process executes it.
package struct RunHandle: Sendable {
    let engine: RunEngine
    package let id: RunID
    /// The run as it was created or found. `nil` if it was not read.
    private let known: Run?
    /// `nil` if this process does not execute the run.
    private let execution: RunExecution?

    /// Creates a handle for a run that may exist.
    package init(engine: RunEngine, id: RunID) {
        self.init(engine: engine, id: id, known: nil, execution: engine.execution(of: id))
    }

    /// Creates a handle for a run that is being created.
    init(engine: RunEngine, creating run: Run, execution: RunExecution) {
        self.init(engine: engine, id: run.id, known: run, execution: execution)
    }

    /// Creates a handle for a run that was found.
    init(engine: RunEngine, found run: Run) { self.init(engine: engine, id: run.id, known: run, execution: nil) }

    private init(engine: RunEngine, id: RunID, known: Run?, execution: RunExecution?) {
        self.engine = engine
        self.id = id
        self.known = known
        self.execution = execution
    }

    /// A run that has ended or asks a question.
    package struct Settled: Sendable {
        package let run: Run
        private let encoded: [UInt8]?

        init(_ settlement: Settlement) { (run, encoded) = (settlement.run, settlement.json) }

        init(_ run: Run) { (self.run, encoded) = (run, nil) }

        /// Returns the run as JSON, which is encoded already if this process executes the run.
        package func json() throws(ACPError) -> [UInt8] {
            if let encoded { return encoded }
            return try ACPJSON.encode(run)
        }
    }

    /// Whether the run is known to be stored.
    package var isStored: Bool { execution?.isStored ?? true }

    /// Waits until the run is stored, and returns it as it was created or found.
    ///
    /// - Throws: ``RunEngineError`` if it cannot be stored; `CancellationError`.
    package func created() async throws -> Run {
        try await engine.storing { try await execution?.created() }
        if let known { return known }
        return try await engine.fetchRun(id)
    }

    /// Waits until the run has ended or asks a question, with more events than a given number.
    ///
    /// - Throws: ``RunEngineError``; `CancellationError`.
    package func settled(after eventCount: Int = 0) async throws -> Settled {
        if let settlement = try await engine.storing({ try await execution?.settled(after: eventCount) }) {
            return Settled(settlement)
        }
        // Another process executes it, or none: the stored run is the current one.
        let (stored, count) = try await engine.storing {
            guard let record = try await engine.storage.record(of: id) else {
                throw RunEngineError.unknownRun(id)
            }
            return (try record.run(), record.eventCount)
        }
        if stored.status.isSettled, count > eventCount { return Settled(stored) }
        return Settled(try await engine.nextSettledRun(id, after: max(count, eventCount)))
    }
}
