// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /runs/{run_id}`: the answer to the question of an awaiting run.
public struct RunResumeRequest: Sendable, Hashable {
    /// The run, if the body names it in addition to the path.
    public var runID: RunID?
    /// The answer.
    public var awaitResume: AwaitResume
    /// How the result of the resumed run is returned.
    public var mode: RunMode

    /// Creates a request.
    ///
    /// - Parameters:
    ///   - awaitResume: The answer.
    ///   - mode: How the result of the resumed run is returned. Defaults to ``RunMode/sync``.
    ///   - runID: The run, to name it in the body as well. Defaults to `nil`.
    public init(awaitResume: AwaitResume, mode: RunMode = .sync, runID: RunID? = nil) {
        self.runID = runID
        self.awaitResume = awaitResume
        self.mode = mode
    }
}
