// SPDX-License-Identifier: Apache-2.0

/// A search for the master: the Sentinels to query, and the evaluation of their replies.
///
/// Sentinels are queried in turn, and the server that one reports must confirm that it is the master. A Sentinel that
/// was partitioned may report a master that has been replaced, and that server may not know it either. Therefore a
/// report with an older epoch than the known one is used only if no Sentinel has a newer one. The search does no I/O.
struct SentinelSearch {
    /// The result of querying a Sentinel.
    enum Reply {
        case master(SentinelReport)
        /// It monitors no master of that name.
        case unknownName
        case failed(RedisError)
    }

    enum Step {
        /// Query this Sentinel.
        case query(RedisAddress)
        /// Query the role of this server.
        case verify(SentinelReport)
        /// The master was found.
        case found(SentinelReport, by: RedisAddress)
        /// The search failed. Another one may succeed.
        case failed(RedisError)
    }

    private let masterName: String
    private let knownEpoch: Int?
    private var queue: [RedisAddress]
    private var current: RedisAddress?
    private var errors: [(RedisAddress, RedisError)] = []
    private var withoutMaster: [RedisAddress] = []
    private var stale: (SentinelReport, by: RedisAddress)?

    /// - Parameters:
    ///   - sentinels: The Sentinels to query, in this order.
    ///   - knownEpoch: The configuration epoch of the last known master.
    init(sentinels: [RedisAddress], masterName: String, knownEpoch: Int?) {
        queue = sentinels
        self.masterName = masterName
        self.knownEpoch = knownEpoch
    }

    mutating func start() -> Step { next() }

    /// Processes the result of querying a Sentinel.
    mutating func received(_ reply: Reply) -> Step {
        guard let sentinel = current else { return next() }
        switch reply {
        case .failed(let error):
            errors.append((sentinel, error))
            return next()
        case .unknownName:
            withoutMaster.append(sentinel)
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
                            "The Sentinel at \(sentinel) reports that \(report.address) is down and will be replaced.")
                    ))
                return next()
            }
            return .verify(report)
        }
    }

    /// Processes the role of the reported server.
    mutating func verified(_ report: SentinelReport, isMaster: Result<Bool, RedisError>) -> Step {
        guard let sentinel = current else { return next() }
        switch isMaster {
        case .success(true):
            return .found(report, by: sentinel)
        case .success(false):
            errors.append(
                (
                    sentinel,
                    RedisError(
                        .connectFailed,
                        "The Sentinel at \(sentinel) reports the master \(report.address), which is a replica.")
                ))
        case .failure(let error):
            errors.append((sentinel, error))
        }
        return next()
    }

    private mutating func next() -> Step {
        if !queue.isEmpty {
            let sentinel = queue.removeFirst()
            current = sentinel
            return .query(sentinel)
        }
        if let (report, sentinel) = stale {
            // No Sentinel has a newer epoch: the Sentinels were reinstalled.
            stale = nil
            current = sentinel
            return .verify(report)
        }
        return .failed(failure)
    }

    private var failure: RedisError {
        // A permanent failure is more helpful than a temporary one.
        if let (_, error) = errors.first(where: { !ConnectFailure.isTransient($0.1) && $0.1.isPermanent }) {
            return error
        }
        if errors.isEmpty, !withoutMaster.isEmpty {
            return RedisError(
                .invalidConfiguration,
                """
                The Sentinels (\(Self.list(withoutMaster))) monitor no master named "\(masterName)": check the name, which \
                is the one of "sentinel monitor" in their configuration; redis-cli -p PORT SENTINEL MASTERS shows what they know.
                """)
        }
        guard let (_, last) = errors.last else {
            return RedisError(.connectFailed, "There is no Sentinel to query.")
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
    /// Whether the failure is permanent: retrying does not help without a change of the configuration.
    var isPermanent: Bool {
        switch code {
        case .authenticationFailed, .permissionDenied, .invalidConfiguration: true
        case .connectFailed: !ConnectFailure.isTransient(self)
        default: false
        }
    }
}
