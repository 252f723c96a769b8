// SPDX-License-Identifier: Apache-2.0

/// One search for the master: which Sentinel to ask next, and what to make of the answers.
///
/// Sentinels are asked in turn. Whom they name has to confirm that it is the master. A Sentinel that was cut off from the
/// others may name a master that was replaced since, and that master may not know it either; so an answer that is older than
/// what was known before is not believed, unless no Sentinel has a newer one. Does no I/O.
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
        self.queue = sentinels
        self.masterName = masterName
        self.knownEpoch = knownEpoch
    }

    mutating func start() -> Step { self.next() }

    /// The Sentinel that was asked has answered, or did not.
    mutating func answered(_ answer: Answer) -> Step {
        guard let sentinel = self.asked else { return self.next() }
        switch answer {
        case .failed(let error):
            self.errors.append((sentinel, error))
            return self.next()
        case .unknownName:
            self.ignorant.append(sentinel)
            return self.next()
        case .master(let report):
            if let epoch = report.epoch, let knownEpoch, epoch < knownEpoch {
                self.stale = (report, by: sentinel)
                return self.next()
            }
            if report.isFailingOver {
                self.errors.append(
                    (
                        sentinel,
                        RedisError(
                            .connectFailed,
                            "The Sentinel at \(sentinel) says that \(report.address) is down and will be replaced.")
                    ))
                return self.next()
            }
            return .verify(report)
        }
    }

    /// The server that was named has told its role, or did not answer.
    mutating func verified(_ report: SentinelReport, isMaster: Result<Bool, RedisError>) -> Step {
        guard let sentinel = self.asked else { return self.next() }
        switch isMaster {
        case .success(true):
            return .found(report, by: sentinel)
        case .success(false):
            self.errors.append(
                (
                    sentinel,
                    RedisError(
                        .connectFailed,
                        "The Sentinel at \(sentinel) names \(report.address), which says that it is a replica.")
                ))
        case .failure(let error):
            self.errors.append((sentinel, error))
        }
        return self.next()
    }

    private mutating func next() -> Step {
        if !self.queue.isEmpty {
            let sentinel = self.queue.removeFirst()
            self.asked = sentinel
            return .ask(sentinel)
        }
        if let (report, sentinel) = self.stale {
            // Nobody knows anything newer: the Sentinels were set up anew.
            self.stale = nil
            self.asked = sentinel
            return .verify(report)
        }
        return .failed(self.failure)
    }

    private var failure: RedisError {
        // What needs repair is more telling than what may pass.
        if let (_, error) = self.errors.first(where: { !ConnectFailure.isTransient($0.1) && $0.1.isLasting }) {
            return error
        }
        if self.errors.isEmpty, !self.ignorant.isEmpty {
            return RedisError(
                .invalidConfiguration,
                """
                The Sentinels (\(Self.list(self.ignorant))) know no master named "\(self.masterName)": check the name, which \
                is the one of "sentinel monitor" in their configuration; redis-cli -p PORT SENTINEL MASTERS shows what they know.
                """)
        }
        guard let (_, last) = self.errors.last else {
            return RedisError(.connectFailed, "There is no Sentinel to ask.")
        }
        let listed = Self.list(self.errors.map(\.0))
        return RedisError(
            .connectFailed,
            "No master \"\(self.masterName)\" was found through the Sentinels \(listed). \(last.message)",
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
        switch self.code {
        case .authenticationFailed, .permissionDenied, .invalidConfiguration: true
        case .connectFailed: !ConnectFailure.isTransient(self)
        default: false
        }
    }
}
