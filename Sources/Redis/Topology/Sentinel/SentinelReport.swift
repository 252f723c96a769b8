// SPDX-License-Identifier: Apache-2.0

/// The information that a Sentinel has about a master.
struct SentinelReport: Hashable, Sendable {
    var address: RedisAddress
    /// The configuration epoch, which grows with every failover. `nil` if the Sentinel did not report it.
    var epoch: Int?
    /// Whether the Sentinels agree that the master is down and are about to replace it.
    var isFailingOver = false
}

extension SentinelReport {
    /// Returns the commands that query a Sentinel.
    ///
    /// The first one returns the address of a server that is being promoted as soon as it is, the second one the epoch
    /// of that information.
    static func query(_ masterName: String) -> [RedisCommand] {
        [
            RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName),
            RedisCommand("SENTINEL", "MASTER", masterName),
            RedisCommand("SENTINEL", "REPLICAS", masterName),
            RedisCommand("SENTINEL", "SENTINELS", masterName),
        ]
    }

    /// Parses the replies to the commands of ``query(_:)``.
    static func read(
        _ replies: [Result<RESPValue, RedisError>]
    ) throws -> (reply: SentinelSearch.Reply, replicas: [RedisAddress], sentinels: [RedisAddress]) {
        guard let first = replies.first else { throw RedisError(.protocolError, "The Sentinel sent no reply.") }
        let reply: RESPValue
        do {
            reply = try first.get()
        } catch {
            throw explain(error)
        }
        if reply.isNull { return (.unknownName, [], []) }
        guard let parts = reply.array, parts.count == 2, let host = parts[0].string, let port = parts[1].int else {
            throw RedisError(.unexpectedReply, "The Sentinel's reply has no host and port.")
        }
        var report = SentinelReport(address: .tcp(host: host, port: port))
        if replies.count > 1, case .success(let master) = replies[1] {
            let named = address(of: master)
            // While a replica is being promoted, this reply still describes the old master.
            if named == report.address {
                report.epoch = master["config-epoch"]?.int
                let flags = self.flags(of: master)
                report.isFailingOver = flags.contains("o_down") || flags.contains("failover_in_progress")
            }
        }
        func addresses(_ index: Int, unless bad: Set<String>) -> [RedisAddress] {
            guard replies.count > index, case .success(let list) = replies[index] else { return [] }
            return (list.array ?? []).compactMap { entry in
                self.flags(of: entry).isDisjoint(with: bad) && (entry["master-link-status"]?.string ?? "ok") == "ok"
                    ? address(of: entry) : nil
            }
        }
        return (
            .master(report), addresses(2, unless: ["s_down", "o_down", "disconnected"]),
            addresses(3, unless: ["s_down", "disconnected"])
        )
    }

    /// Returns whether a message of a Sentinel concerns a master. `+switch-master` has the form `name old-ip old-port
    /// ip port`, other channels `slave name ip port @ master-name ip port`.
    static func isAnnouncement(_ text: String, of masterName: String) -> Bool {
        let words = text.split(separator: " ")
        if words.count == 5 { return words[0] == masterName }
        guard let mark = words.firstIndex(of: "@"), mark + 1 < words.endIndex else { return false }
        return words[mark + 1] == masterName
    }

    /// Returns the error for a Sentinel that could not be queried.
    static func failure(_ error: any Error, querying address: RedisAddress) -> RedisError {
        let error = ConnectFailure.redisError(for: error)
        guard error.code == .authenticationFailed else { return error }
        return RedisError(
            .authenticationFailed,
            """
            The Sentinel at \(address) rejected the credentials. Sentinels have their own, separate from those of the servers: \
            set sentinel_password (and sentinel_username) in the URL, or RedisSentinelConfiguration.credentials.
            """, cause: error.cause)
    }

    private static func explain(_ error: RedisError) -> RedisError {
        guard let reply = error.serverReply, reply.message.lowercased().hasPrefix("err unknown command") else {
            return error
        }
        return RedisError(
            .invalidConfiguration,
            "The server is not a Sentinel: list the addresses of the Sentinels (usually port 26379), not those of the servers.",
            cause: error.cause)
    }

    private static func address(of entry: RESPValue) -> RedisAddress? {
        guard let host = entry["ip"]?.string, let port = entry["port"]?.int, port > 0 else { return nil }
        return .tcp(host: host, port: port)
    }

    private static func flags(of entry: RESPValue) -> Set<String> {
        Set((entry["flags"]?.string ?? "").split(separator: ",").map(String.init))
    }
}
