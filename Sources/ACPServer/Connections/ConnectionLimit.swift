// SPDX-License-Identifier: Apache-2.0

import Logging
import Metrics
import Synchronization

/// How a new connection is served.
enum Admission: Equatable {
    case full
    /// Only health checks are served.
    case healthOnly
    /// The connection receives 503 and is closed.
    case rejected
    /// The connection is closed at once, because many others are being rejected.
    case dropped
}

/// Counts the connections of a server and decides how a new one is served. Another instance counts the streams of
/// connections with HTTP/2.
final class ConnectionLimit: Sendable {
    private struct State {
        var count = 0
        var hasWarned = false
    }

    private let maximum: Int
    private let reserve: Int
    private let subject: String
    private let logger: Logger
    private let openConnections: Meter?
    private let state = Mutex(State())

    /// - Parameters:
    ///   - subject: What is counted, for the log. Defaults to connections.
    ///   - openConnections: Receives the number of open connections. Defaults to none.
    init(
        maximum: Int, reserve: Int, subject: String = "connections", logger: Logger, openConnections: Meter? = nil
    ) {
        self.subject = subject
        self.maximum = max(1, maximum)
        self.reserve = max(0, reserve)
        self.logger = logger
        self.openConnections = openConnections
    }

    /// The number of open connections.
    var count: Int { state.withLock { $0.count } }

    /// Counts a new connection. ``release()`` must follow when it is closed.
    func admit() -> Admission {
        var isFirstRejection = false
        let number = state.withLock { state in
            state.count += 1
            isFirstRejection = state.count > maximum && !state.hasWarned
            if isFirstRejection { state.hasWarned = true }
            return state.count
        }
        openConnections?.increment()
        if isFirstRejection {
            logger.warning(
                "the limit of \(subject) is reached: further ones receive 503",
                metadata: ["maximum": "\(maximum)"])
        }
        return admission(of: number)
    }

    func release() {
        openConnections?.decrement()
        state.withLock { state in
            state.count -= 1
            // With hysteresis, so that a count that fluctuates around the limit does not fill the log.
            if state.count <= maximum - max(1, maximum / 4) { state.hasWarned = false }
        }
    }

    private func admission(of number: Int) -> Admission {
        switch number - maximum {
        case ...0: .full
        case ...reserve: .healthOnly
        case ...(reserve + max(reserve, 8)): .rejected
        default: .dropped
        }
    }
}
