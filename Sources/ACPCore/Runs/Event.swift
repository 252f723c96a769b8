// SPDX-License-Identifier: Apache-2.0

/// Something that happened in a run.
///
/// The events of a run are a list that only grows; an event's index in it is its id in a stream. A run's events begin
/// with `run.created` and end with `run.completed`, `run.failed` or `run.cancelled`.
public enum Event: Sendable, Hashable {
    case runCreated(Run)
    case runInProgress(Run)
    case runAwaiting(Run)
    case runCompleted(Run)
    case runCancelled(Run)
    case runFailed(Run)
    /// A message begins. Its parts follow, each in an event of its own.
    case messageCreated(Message)
    /// A part of the message that was begun last.
    case messagePart(MessagePart)
    /// The message that was begun last is complete: all of it once more.
    case messageCompleted(Message)
    /// Anything else that an agent tells its caller.
    case generic(JSONValue)
    /// The stream broke off for this reason.
    case error(ACPError)
    /// An event that this version does not know, as it came. Also an event about a run that holds the run's id (`run_id`) and not
    /// the run itself, as some servers send: its ``kind`` is that of the run's event.
    case unknown(JSONObject)

    /// What kind of event this is: the `type` of its JSON.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        public static let runCreated = Kind(rawValue: "run.created")
        public static let runInProgress = Kind(rawValue: "run.in-progress")
        public static let runAwaiting = Kind(rawValue: "run.awaiting")
        public static let runCompleted = Kind(rawValue: "run.completed")
        public static let runCancelled = Kind(rawValue: "run.cancelled")
        public static let runFailed = Kind(rawValue: "run.failed")
        public static let messageCreated = Kind(rawValue: "message.created")
        public static let messagePart = Kind(rawValue: "message.part")
        public static let messageCompleted = Kind(rawValue: "message.completed")
        public static let generic = Kind(rawValue: "generic")
        public static let error = Kind(rawValue: "error")

        /// Whether a run's events end with this one.
        public var isTerminal: Bool { self == .runCompleted || self == .runCancelled || self == .runFailed }

        /// Whether a caller that waits for an answer has one after this event.
        public var isSettled: Bool { isTerminal || self == .runAwaiting }
    }

    /// What kind of event this is.
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

    /// The id of the run that the event is about, if it holds the run or its id.
    public var runID: RunID? {
        if case .unknown(let members) = self { return members["run_id"]?.stringValue.flatMap(RunID.init(rawValue:)) }
        return run?.id
    }

    /// The run as it stood, for events that are about the run.
    public var run: Run? {
        switch self {
        case .runCreated(let run), .runInProgress(let run), .runAwaiting(let run), .runCompleted(let run),
            .runCancelled(let run), .runFailed(let run):
            run
        default: nil
        }
    }
}
