// SPDX-License-Identifier: Apache-2.0

extension StorageError {
    /// A message for remote callers: the meaning of the error for them, and the remedy on their side.
    ///
    /// It depends on ``code`` alone, and so reveals nothing about the installation: no address, path or key, and no
    /// name of a user or a command. ``message`` is for operators and belongs in the log.
    public var publicMessage: String {
        switch code {
        case .cannotConnect: "the storage cannot be reached: try again later"
        case .timedOut: "the storage did not reply in time: try again later"
        case .outcomeUnknown:
            "the storage's reply was lost, and the operation may have been performed or not: read the data, then try "
                + "again"
        case .refused: "the storage refused the operation: the reason is in the server's log"
        case .corruptData:
            "a stored document cannot be read: the details are in the server's log"
        case .fenced: "the run belongs to another process now: read it again"
        case .conflict: "the stored data have changed in the meantime: read them again"
        case .cancelled: "the run is being cancelled: it cannot end in another way"
        case .answered: "the question of the run was answered: it continues with the answer"
        case .notFound: "there is no such run or session in the storage: it may have expired or been deleted"
        case .deleted:
            "the run was deleted, and is not created again: start a new one, with another Idempotency-Key if the request "
                + "has one"
        case .incomplete: "part of the run is missing in the storage, and it cannot continue: start a new run"
        case .full: "the storage is out of room: try again later, or delete runs that are no longer needed"
        case .closed: "the server is shutting down: try again later"
        default: "the storage failed: the reason is in the server's log"
        }
    }
}
