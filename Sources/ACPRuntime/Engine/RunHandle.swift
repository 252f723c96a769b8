// SPDX-License-Identifier: Apache-2.0

package import ACPCore
import ACPStorage

/// A run that somebody waits for, wherever it is executed.
package struct RunHandle: Sendable {
    let engine: RunEngine
    package let id: RunID
    /// The run as it was created or found. Nil if that was not looked at.
    private let known: Run?
    /// Nil if the run is executed elsewhere, or not any more.
    private let execution: RunExecution?

    /// A run that may be there.
    package init(engine: RunEngine, id: RunID) {
        self.init(engine: engine, id: id, known: nil, execution: engine.execution(of: id))
    }

    /// A run that is being created.
    init(engine: RunEngine, creating run: Run, execution: RunExecution) {
        self.init(engine: engine, id: run.id, known: run, execution: execution)
    }

    /// A run that was found.
    init(engine: RunEngine, found run: Run) { self.init(engine: engine, id: run.id, known: run, execution: nil) }

    private init(engine: RunEngine, id: RunID, known: Run?, execution: RunExecution?) {
        self.engine = engine
        self.id = id
        self.known = known
        self.execution = execution
    }

    /// A run that has ended or asks something.
    package struct Settled: Sendable {
        package let run: Run
        private let encoded: [UInt8]?

        init(_ settlement: Settlement) { (run, encoded) = (settlement.run, settlement.json) }

        init(_ run: Run) { (self.run, encoded) = (run, nil) }

        /// The run as JSON, which is there already where the run is executed in this process.
        package func json() throws(ACPError) -> [UInt8] {
            if let encoded { return encoded }
            return try ACPJSON.encode(run)
        }
    }

    /// Whether the run is known to be stored.
    package var isStored: Bool { execution?.isStored ?? true }

    /// The run as it was created, or found, when it is stored.
    ///
    /// - Throws: ``RunEngineError`` if it cannot be stored; `CancellationError`.
    package func created() async throws -> Run {
        try await engine.storing { try await execution?.created() }
        if let known { return known }
        return try await engine.fetchRun(id)
    }

    /// The run when it has ended or asks something, with more events than the given number.
    ///
    /// - Throws: ``RunEngineError``; `CancellationError`.
    package func settled(after eventCount: Int = 0) async throws -> Settled {
        if let settlement = try await engine.storing({ try await execution?.settled(after: eventCount) }) {
            return Settled(settlement)
        }
        // Executed elsewhere, or not any more: where it stands is the latest that there is to know.
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
