// SPDX-License-Identifier: Apache-2.0

extension StorageError {
    /// What remote callers may read of the error: what it means to them, and the remedy on their side.
    ///
    /// It follows from ``code`` alone. Nothing that is specific to the installation is in it: no address, no path, no key, no name
    /// of a user or a command. ``message`` is for operators and belongs in the log.
    public var publicMessage: String {
        switch code {
        case .cannotConnect: "the storage cannot be reached: try again later"
        case .timedOut: "the storage did not reply in time: try again later"
        case .outcomeUnknown:
            "the storage's reply was lost, and the operation may have happened or not: read what is there, then try again"
        case .refused: "the storage refused the operation: the reason is in the server's log"
        case .corruptData:
            "something stored cannot be read: the details are in the server's log"
        case .fenced: "the run belongs to another process by now: read it again"
        case .conflict: "what is stored has changed in the meantime: read it again"
        case .cancelled: "the run is being cancelled: it cannot end in another way any more"
        case .notFound: "there is no such run or session in the storage (any more)"
        case .incomplete: "part of the run is missing in the storage, and it cannot go on: start a new run"
        case .full: "the storage is out of room: try again later, or delete runs that are not needed any more"
        case .closed: "the server is shutting down: try again later"
        default: "the storage failed: the reason is in the server's log"
        }
    }
}
