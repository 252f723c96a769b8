// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// How far a new connection is served.
enum Admission: Equatable {
    case full
    /// For requests of health routes only.
    case healthOnly
    /// It gets 503 and is closed.
    case refused
    /// It is closed at once, because there are many that are being refused.
    case dropped
}

/// Counts the connections of a server and decides how far a new one is served.
final class ConnectionLimit: Sendable {
    private struct State {
        var count = 0
        var hasWarned = false
    }

    private let maximum: Int
    private let reserve: Int
    private let logger: Logger
    private let state = Mutex(State())

    init(maximum: Int, reserve: Int, logger: Logger) {
        self.maximum = max(1, maximum)
        self.reserve = max(0, reserve)
        self.logger = logger
    }

    /// How many connections are open.
    var count: Int { state.withLock { $0.count } }

    /// Counts a new connection. ``release()`` must follow when it is closed.
    func admit() -> Admission {
        var isFirstRefusal = false
        let number = state.withLock { state in
            state.count += 1
            isFirstRefusal = state.count > maximum && !state.hasWarned
            if isFirstRefusal { state.hasWarned = true }
            return state.count
        }
        if isFirstRefusal {
            logger.warning(
                "the limit of connections is reached: further ones get 503",
                metadata: ["maximum": "\(maximum)"])
        }
        return admission(of: number)
    }

    func release() {
        state.withLock { state in
            state.count -= 1
            // With a distance, so that a count that goes up and down around the limit does not fill the log.
            if state.count <= maximum - max(1, maximum / 4) { state.hasWarned = false }
        }
    }

    private func admission(of number: Int) -> Admission {
        switch number - maximum {
        case ...0: .full
        case ...reserve: .healthOnly
        case ...(reserve + max(reserve, 8)): .refused
        default: .dropped
        }
    }
}
