// SPDX-License-Identifier: Apache-2.0

/// Something that happened in a run.
///
/// The events of a run are an append-only list; an event's index in the list is its id in a stream. A run's events
/// begin with `run.created` and end with `run.completed`, `run.failed` or `run.cancelled`.
public enum Event: Sendable, Hashable {
    /// The run was created.
    case runCreated(Run)
    /// The agent started, or resumed its work after an answer.
    case runInProgress(Run)
    /// The agent asked its caller a question, which is ``Run/awaitRequest``.
    case runAwaiting(Run)
    /// The run ended successfully.
    case runCompleted(Run)
    /// The run ended because it was cancelled.
    case runCancelled(Run)
    /// The run ended with an error, which is ``Run/error``.
    case runFailed(Run)
    /// The agent began a message. Its parts follow, each in an event of its own.
    case messageCreated(Message)
    /// The agent added a part to the message that it began last.
    case messagePart(MessagePart)
    /// The message that the agent began last is complete. The event holds the whole message.
    case messageCompleted(Message)
    /// The agent sent its caller any other value.
    case generic(JSONValue)
    /// The stream ended early because of an error.
    case error(ACPError)
    /// An event of a type that this version does not know, kept as it was received.
    ///
    /// Also an event about a run that holds the run's id (`run_id`) instead of the run, as some servers send: its
    /// ``kind`` is that of the run's event.
    case unknown(JSONObject)

    /// The kind of an event: the `type` of its JSON.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The type as it is transmitted.
        public let rawValue: String

        /// Creates a kind from any string.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The kind of ``Event/runCreated(_:)``.
        public static let runCreated = Kind(rawValue: "run.created")
        /// The kind of ``Event/runInProgress(_:)``.
        public static let runInProgress = Kind(rawValue: "run.in-progress")
        /// The kind of ``Event/runAwaiting(_:)``.
        public static let runAwaiting = Kind(rawValue: "run.awaiting")
        /// The kind of ``Event/runCompleted(_:)``.
        public static let runCompleted = Kind(rawValue: "run.completed")
        /// The kind of ``Event/runCancelled(_:)``.
        public static let runCancelled = Kind(rawValue: "run.cancelled")
        /// The kind of ``Event/runFailed(_:)``.
        public static let runFailed = Kind(rawValue: "run.failed")
        /// The kind of ``Event/messageCreated(_:)``.
        public static let messageCreated = Kind(rawValue: "message.created")
        /// The kind of ``Event/messagePart(_:)``.
        public static let messagePart = Kind(rawValue: "message.part")
        /// The kind of ``Event/messageCompleted(_:)``.
        public static let messageCompleted = Kind(rawValue: "message.completed")
        /// The kind of ``Event/generic(_:)``.
        public static let generic = Kind(rawValue: "generic")
        /// The kind of ``Event/error(_:)``.
        public static let error = Kind(rawValue: "error")

        /// Whether this is the last event of a run.
        public var isTerminal: Bool { self == .runCompleted || self == .runCancelled || self == .runFailed }

        /// Whether a caller need not wait any longer after this event: the run has ended, or it awaits an answer.
        public var isSettled: Bool { isTerminal || self == .runAwaiting }
    }

    /// The kind of the event.
    public var kind: Kind {
        switch self {
        case .runCreated: .runCreated
        case .runInProgress: .runInProgress
        case .runAwaiting: .runAwaiting
        case .runCompleted: .runCompleted
        case .runCancelled: .runCancelled
        case .runFailed: .runFailed
        case .messageCreated: .messageCreated
        case .messagePart: .messagePart
        case .messageCompleted: .messageCompleted
        case .generic: .generic
        case .error: .error
        case .unknown(let members): Kind(rawValue: members["type"]?.stringValue ?? "")
        }
    }

    /// The id of the run that the event is about, if the event holds the run or its id.
    public var runID: RunID? {
        if case .unknown(let members) = self { return members["run_id"]?.stringValue.flatMap(RunID.init(rawValue:)) }
        return run?.id
    }

    /// The run as of this event, if the event holds it.
    public var run: Run? {
        switch self {
        case .runCreated(let run), .runInProgress(let run), .runAwaiting(let run), .runCompleted(let run),
            .runCancelled(let run), .runFailed(let run):
            run
        default: nil
        }
    }
}
