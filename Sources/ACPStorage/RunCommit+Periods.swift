// SPDX-License-Identifier: Apache-2.0

public import ACPCore

// A process that sends the first commit of a run and does not receive the reply repeats it. Meanwhile, the caller may
// have sent the request to another process, which has created the run under the same id, and the run may be over and
// deleted. Then the repetition must not create it again. So a deletion for good is remembered, and repeating ends long
// before that is forgotten.

extension RunCommit {
    /// The time after the composition of a run in which its first commit may be sent: 5 minutes.
    public static let creationPeriod = Duration.seconds(300)

    /// The time for which a storage refuses the first commit of a run that was deleted for good: 10 minutes, twice
    /// ``creationPeriod``, since a commit that was sent in time may be on its way for some time.
    ///
    /// See ``Storage/deleteRun(_:forGood:)``.
    public static let deletionPeriod = creationPeriod * 2
}

extension Storage {
    /// Deletes a run, which may be created again at once: see ``deleteRun(_:forGood:)``.
    ///
    /// - Returns: Whether the run existed.
    @discardableResult
    public func deleteRun(_ run: RunID) async throws -> Bool { try await deleteRun(run, forGood: false) }
}
