// SPDX-License-Identifier: Apache-2.0

import ACPLinks
import ACPRuntime

/// The attempts to deliver one event. A value without I/O and clock.
struct PushDelivery {
    /// How an attempt has ended.
    enum Outcome: Sendable {
        /// The receiver has responded.
        case responded(status: Int, retryAfter: Duration? = nil)
        /// There is no response.
        case failed(LinkError.Code)
    }

    /// What follows an attempt.
    enum Action: Equatable, Sendable {
        /// The receiver has the event.
        case acknowledged
        /// Try again after a pause.
        case retry(after: Duration)
        /// The receiver will not take the event, and may take the next one.
        case giveUp(reason: String)
        /// All attempts have failed.
        case fail(reason: String)
        /// The receiver will not take any further event.
        case stop(reason: String)
    }

    /// The longest pause that a receiver can ask for.
    static let maximumRetryAfter = Duration.seconds(3_600)

    private let maximumAttempts: Int
    private let maximumDelay: Duration
    private var delay: Duration
    private(set) var attempts = 0

    init(_ configuration: PushConfiguration) {
        maximumAttempts = configuration.maximumAttempts
        maximumDelay = configuration.maximumRetryDelay
        delay = configuration.firstRetryDelay
    }

    /// Records the end of an attempt.
    ///
    /// - Parameter jitter: A random number from 0 to 1, which shortens the pause by up to a half, so that receivers that
    ///   failed together do not get everything at the same moment.
    mutating func attemptDidEnd(_ outcome: Outcome, jitter: Double) -> Action {
        attempts += 1
        switch outcome {
        case .responded(200..<300, _): return .acknowledged
        case .responded(410, _): return .stop(reason: "its receiver is gone (410)")
        case .responded(let status, let retryAfter) where [408, 425, 429].contains(status) || status >= 500:
            return retry("its receiver has responded with \(status)", after: retryAfter, jitter)
        case .responded(300..<400, _): return .giveUp(reason: "its receiver redirects, which is not followed")
        case .responded(let status, _): return .giveUp(reason: "its receiver has responded with \(status)")
        case .failed(.refused): return .stop(reason: "the server does not post to its address")
        case .failed(.invalidURL): return .stop(reason: "its URL is not valid")
        case .failed(let code): return retry("there is no response (\(code))", after: nil, jitter)
        }
    }

    private mutating func retry(_ reason: String, after wanted: Duration?, _ jitter: Double) -> Action {
        guard attempts < maximumAttempts else { return .fail(reason: "\(reason), \(attempts) times") }
        let pause = min(delay, maximumDelay) * (1 - min(max(jitter, 0), 1) / 2)
        delay = min(delay * 2, maximumDelay)
        return .retry(after: max(pause, min(wanted ?? .zero, Self.maximumRetryAfter)))
    }
}
