// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Redis

/// Why a server refused a command, and the remedy.
struct ServerRefusal {
    let code: StorageError.Code
    /// The reason and the remedy.
    let text: String

    /// - Parameters:
    ///   - reply: The server's error reply.
    ///   - runsScript: Whether the command runs a script.
    ///   - changes: Whether the command writes.
    ///   - pattern: The glob pattern that all keys and channels of the storage match.
    /// - Returns: `nil` if the reply is not a refusal.
    init?(_ reply: RESPError, runsScript: Bool, changes: Bool, pattern: String) {
        let message = reply.message
        // Redis reports an error inside a script in the first form; before Redis 7, in the second one.
        let isInside = runsScript && (message.contains(" script: ") || message.contains("Error running script"))
        let nothing = changes ? "Nothing was changed. " : ""
        /// Whether the server gives this reason, directly or from inside a script. It checks for these at the first
        /// write of a script only.
        func isBecause(_ reason: String) -> Bool {
            reply.prefix == reason || (isInside && message.contains("-\(reason) "))
        }
        if let right = Self.missingRight(message, prefix: String(reply.prefix), isInside: isInside, pattern: pattern) {
            // A script checks all rights before it writes, on servers that support such a check.
            code = isInside && changes ? .outcomeUnknown : .refused
            text = """
                The Redis user lacks a right: \(right.what). \(isInside ? "" : nothing)Grant it with \
                ACL SETUSER <user> \(right.rule)
                """
        } else if isBecause("OOM") {
            code = .full
            text =
                "The server's memory is used up (maxmemory). \(nothing)Raise maxmemory or free memory; a policy "
                + "that evicts keys would lose runs"
        } else if isBecause("READONLY") {
            code = .refused
            text =
                "The server is a replica, which accepts no writes. \(nothing)Use the address of the "
                + "master, or wait for the failover to end"
        } else if isBecause("MISCONF") {
            code = .refused
            text =
                "The server cannot save its data to the disk and accepts no writes (stop-writes-on-bgsave-error). "
                + "\(nothing)Check its disk and its log"
        } else if isBecause("NOREPLICAS") {
            code = .refused
            text =
                "The server has too few replicas and accepts no writes (min-replicas-to-write). "
                + "\(nothing)Start the replicas"
        } else if isInside, message.contains("acl_check_cmd") {
            code = .refused
            text =
                "The server does not have a command that the storage needs: it is disabled or renamed. "
                + "\(nothing)Restore it"
        } else if isInside, changes, reply.prefix != "WRONGTYPE", reply.prefix != "NOSCRIPT" {
            code = .outcomeUnknown
            text =
                "A script failed on the server, perhaps after it had written something. The server replied: \(message)"
        } else {
            return nil
        }
    }

    /// Returns the right that a user lacks, as a description and as an ACL rule.
    private static func missingRight(
        _ message: String, prefix: String, isInside: Bool, pattern: String
    ) -> (what: String, rule: String)? {
        guard prefix == "NOPERM" || (isInside && message.contains("The user executing the script can't")) else {
            return nil
        }
        let keys = (what: "the keys \(pattern)", rule: "~\(pattern)")
        let channels = (what: "the channels \(pattern)", rule: "&\(pattern)")
        if let command = message.firstMatch(of: #/'([A-Za-z|_.-]+)' command/#)?.1 {
            let rule = "+\(command.lowercased())"
            guard message.contains("on this channel") else {
                return ("the command \(command.uppercased())", rule)
            }
            return ("the command \(command.uppercased()) on \(channels.what)", "\(rule) \(channels.rule)")
        }
        if message.contains("channel") { return channels }
        if message.contains("key") { return keys }
        return ("a command that a script of the storage uses", "+@read +@write +@scripting +@pubsub")
    }
}
