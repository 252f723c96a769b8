// SPDX-License-Identifier: Apache-2.0

/// The body of `POST /runs/{run_id}`: the answer to what a run awaits.
public struct RunResumeRequest: Sendable, Hashable {
    /// The run, if the body says it as well as the path.
    public var runID: RunID?
    public var awaitResume: AwaitResume
    /// How the rest of the run is wanted. Sync unless said otherwise.
    public var mode: RunMode

    public init(awaitResume: AwaitResume, mode: RunMode = .sync, runID: RunID? = nil) {
        self.runID = runID
        self.awaitResume = awaitResume
        self.mode = mode
    }
}
