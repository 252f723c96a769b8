// SPDX-License-Identifier: Apache-2.0

/// One search for the master: which Sentinel to ask next, and what to make of the answers.
///
/// Sentinels are asked in turn. Whom they name has to confirm that it is the master. A Sentinel that was cut off from
/// the others may name a master that was replaced since, and that master may not know it either; so an answer that is
/// older than what was known before is not believed, unless no Sentinel has a newer one. Does no I/O.
struct SentinelSearch {
    /// What a Sentinel said.
    enum Answer {
        case master(SentinelReport)
        /// It watches no master of that name.
        case unknownName
        case failed(RedisError)
    }

    enum Step {
        /// Ask this Sentinel.
        case ask(RedisAddress)
        /// Ask this server for its role.
        case verify(SentinelReport)
        /// This is the master.
        case found(SentinelReport, by: RedisAddress)
        /// The search ends without one. Another one may fare better.
        case failed(RedisError)
    }

    private let masterName: String
    private let knownEpoch: Int?
    private var queue: [RedisAddress]
    private var asked: RedisAddress?
    private var errors: [(RedisAddress, RedisError)] = []
    private var ignorant: [RedisAddress] = []
    private var stale: (SentinelReport, by: RedisAddress)?

    /// - Parameters:
    ///   - sentinels: Whom to ask, in this order.
    ///   - knownEpoch: The configuration epoch of the master that was found before.
    init(sentinels: [RedisAddress], masterName: String, knownEpoch: Int?) {
        queue = sentinels
        self.masterName = masterName
        self.knownEpoch = knownEpoch
    }

    mutating func start() -> Step { next() }

    /// The Sentinel that was asked has answered, or did not.
    mutating func answered(_ answer: Answer) -> Step {
        guard let sentinel = asked else { return next() }
        switch answer {
        case .failed(let error):
            errors.append((sentinel, error))
            return next()
        case .unknownName:
            ignorant.append(sentinel)
            return next()
        case .master(let report):
            if let epoch = report.epoch, let knownEpoch, epoch < knownEpoch {
                stale = (report, by: sentinel)
                return next()
            }
            if report.isFailingOver {
                errors.append(
                    (
                        sentinel,
                        RedisError(
                            .connectFailed,
                            "The Sentinel at \(sentinel) says that \(report.address) is down and will be replaced.")
                    ))
                return next()
            }
            return .verify(report)
        }
    }

    /// The server that was named has told its role, or did not answer.
    mutating func verified(_ report: SentinelReport, isMaster: Result<Bool, RedisError>) -> Step {
        guard let sentinel = asked else { return next() }
        switch isMaster {
        case .success(true):
            return .found(report, by: sentinel)
        case .success(false):
            errors.append(
                (
                    sentinel,
                    RedisError(
                        .connectFailed,
                        "The Sentinel at \(sentinel) names \(report.address), which says that it is a replica.")
                ))
        case .failure(let error):
            errors.append((sentinel, error))
        }
        return next()
    }

    private mutating func next() -> Step {
        if !queue.isEmpty {
            let sentinel = queue.removeFirst()
            asked = sentinel
            return .ask(sentinel)
        }
        if let (report, sentinel) = stale {
            // Nobody knows anything newer: the Sentinels were set up anew.
            stale = nil
            asked = sentinel
            return .verify(report)
        }
        return .failed(failure)
    }

    private var failure: RedisError {
        // What needs repair is more telling than what may pass.
        if let (_, error) = errors.first(where: { !ConnectFailure.isTransient($0.1) && $0.1.isLasting }) {
            return error
        }
        if errors.isEmpty, !ignorant.isEmpty {
            return RedisError(
                .invalidConfiguration,
                """
                The Sentinels (\(Self.list(ignorant))) know no master named "\(masterName)": check the name, which \
                is the one of "sentinel monitor" in their configuration; redis-cli -p PORT SENTINEL MASTERS shows what they know.
                """)
        }
        guard let (_, last) = errors.last else {
            return RedisError(.connectFailed, "There is no Sentinel to ask.")
        }
        let listed = Self.list(errors.map(\.0))
        return RedisError(
            .connectFailed,
            "No master \"\(masterName)\" was found through the Sentinels \(listed). \(last.message)",
            cause: last.cause)
    }

    private static func list(_ addresses: [RedisAddress]) -> String {
        var seen: Set<RedisAddress> = []
        return addresses.filter { seen.insert($0).inserted }.map(\.description).joined(separator: ", ")
    }
}

extension RedisError {
    /// Somebody has to change something: trying again is of no use.
    var isLasting: Bool {
        switch code {
        case .authenticationFailed, .permissionDenied, .invalidConfiguration: true
        case .connectFailed: !ConnectFailure.isTransient(self)
        default: false
        }
    }
}
