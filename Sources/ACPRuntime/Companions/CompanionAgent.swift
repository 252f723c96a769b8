// SPDX-License-Identifier: Apache-2.0

package import ACPCore
import ACPStorage

/// An agent of the server itself, which works for another run while that run is stored, for example by sending its
/// events elsewhere.
///
/// Its runs are *companions*: they are stored, owned, taken over and handed over like other runs, but callers do not see
/// them. A companion counts neither as active nor as queued, belongs to no session that callers can name, and leaves no
/// history. It is found by the run that it belongs to and a key (``RunEngine/companion(of:key:)``). It belongs to whom that
/// run belongs to, and has no principal of its own, so that the lists of a principal's runs contain no hidden ones.
package protocol CompanionAgent: Sendable {
    /// The agent's name, which begins with two underscores. ``AgentRegistry`` does not contain it.
    var name: AgentName { get }

    /// Works for a run until that is done.
    ///
    /// It is called again, with the progress that was recorded last, if the process that executed it has ended, and if
    /// it throws an error of the storage. The companion ends if it returns or throws another error.
    func run(_ context: CompanionContext) async throws
}

/// What a companion works with.
package struct CompanionContext: Sendable {
    /// The engine that executes the companion.
    package let engine: RunEngine
    /// The run that the companion belongs to.
    package let subject: RunID
    /// What the companion was created with.
    package let input: JSONValue
    /// The progress that was recorded last, by whichever process. If `nil`, none was.
    package let progress: JSONValue?
    let execution: RunExecution
    let memory: CompanionMemory

    /// Stores how far the companion has come, and waits until that is stored.
    ///
    /// The storage refuses it if another process owns the companion now. So a process that has lost a companion notices
    /// at this point.
    ///
    /// - Parameter progress: An object.
    /// - Throws: `CancellationError` if the companion was deleted or belongs to another process.
    package func record(_ progress: JSONValue) async throws {
        try await execution.yield(generic: progress)
        memory.progress = progress
        try await execution.wait(for: .logStored)
        if execution.isOver { throw CancellationError() }
    }

    /// Checks that the companion still exists and belongs to this process, at the cost of one round trip.
    ///
    /// - Throws: `CancellationError` if not; `StorageError`.
    package func checkOwner() async throws {
        guard try await execution.storage.record(of: execution.id)?.owner == execution.owner else {
            throw CancellationError()
        }
    }
}

/// A companion as it is stored.
package struct Companion: Sendable {
    /// The companion's id.
    package let id: RunID
    /// The key that no other companion of the same run has.
    package let key: String
    /// What it was created with.
    package let input: JSONValue
    /// When it was created.
    package let createdAt: Timestamp
    /// Whether it has ended.
    package let hasEnded: Bool

    init(_ run: Run, _ input: CompanionInput) {
        id = run.id
        key = input.key
        self.input = input.value
        createdAt = run.createdAt
        hasEnded = run.status.isTerminal
    }
}

// MARK: - Identifiers

extension RunID {
    private static let companionPrefix = "~companion."

    /// Whether the run is a companion. Ids of other runs are random, or derived from an idempotency key.
    var isCompanion: Bool { rawValue.utf8.first == UInt8(ascii: "~") && rawValue.hasPrefix(Self.companionPrefix) }

    /// Derives the id of a companion. It is the same in every process, so that the first commit to storage makes sure
    /// that there is only one with the key.
    init(companionOf run: RunID, key: String) {
        self = RunID(rawValue: Self.companionPrefix + digest("companion:\(run)/\(key)")) ?? RunID()
    }
}

extension SessionID {
    private static let companionPrefix = "~companions."

    /// Whether it is a session of companions, which callers cannot use.
    var isOfCompanions: Bool { rawValue.utf8.first == UInt8(ascii: "~") && rawValue.hasPrefix(Self.companionPrefix) }

    /// Derives the id of the session in which the companions of a run are found.
    init(companionsOf run: RunID) {
        self = SessionID(rawValue: Self.companionPrefix + digest("companions:\(run)")) ?? SessionID()
    }
}

extension AgentName {
    /// Whether it is the name of a ``CompanionAgent``.
    var isOfCompanions: Bool { rawValue.hasPrefix("__") }
}
