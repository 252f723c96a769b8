// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

// The indexes with the runs of one principal. Each is the counterpart of an index with the runs of all. Runs without a
// principal are in none of them.
extension RedisKeys {
    func principalRuns(_ principal: PrincipalID) -> String { indexKey(.principalRuns, principal.keyName) }

    func principalAgentRuns(_ principal: PrincipalID, _ agent: AgentName) -> String {
        indexKey(.principalAgentRuns, "\(principal.keyName):\(agent)")
    }

    func principalSessionRuns(_ principal: PrincipalID, _ session: SessionID) -> String {
        indexKey(.principalSessionRuns, "\(principal.keyName):\(session)")
    }

    func principalUnfinishedRuns(_ principal: PrincipalID, _ status: RunStatus) -> String {
        indexKey(.principalUnfinishedRuns, "\(principal.keyName):\(status.rawValue)")
    }

    /// The counterpart of ``statusRuns(_:_:)``.
    func principalStatusRuns(_ principal: PrincipalID, _ agent: AgentName, _ status: DetailedRunStatus) -> String {
        indexKey(.principalStatusRuns, "\(principal.keyName):\(agent):\(status.rawValue)")
    }

    /// The counterpart of ``runsExpiry``: the queue of a principal's runs that may have expired. A list of the
    /// principal's runs checks these only, however many runs of others have expired.
    func principalRunsExpiry(_ principal: PrincipalID) -> String { indexKey(.principalRunsExpiry, principal.keyName) }

    func allUnfinished(_ principal: PrincipalID) -> [String] {
        Self.unfinishedStatuses.map { principalUnfinishedRuns(principal, $0) }
    }

    /// The indexes of ``statuses``, in this order.
    func allStatusRuns(_ principal: PrincipalID, _ agent: AgentName) -> [String] {
        Self.statuses.map { principalStatusRuns(principal, agent, $0) }
    }

    // MARK: Of a run

    /// Returns the indexes of the run's principal that list the run for as long as it is stored.
    func principalListings(of indexEntry: RunIndexEntry) -> [String] {
        guard let principal = indexEntry.principal else { return [] }
        return [principalRuns(principal), principalAgentRuns(principal, indexEntry.agent)]
            + (indexEntry.session.map { [principalSessionRuns(principal, $0)] } ?? [])
    }

    /// Returns all indexes of the run's principal that may contain the run, in the order that ``RedisScripts/prune``
    /// expects.
    func principalIndexes(of indexEntry: RunIndexEntry) -> [String] {
        guard let principal = indexEntry.principal else { return [] }
        return principalListings(of: indexEntry) + allUnfinished(principal)
            + allStatusRuns(principal, indexEntry.agent)
    }

    /// Returns the queues that contain the run until it has expired. In each of them, its member is
    /// ``RunIndexEntry/expiryMember``.
    func expiryQueues(of indexEntry: RunIndexEntry) -> [String] {
        [runsExpiry] + (indexEntry.principal.map { [principalRunsExpiry($0)] } ?? [])
    }

    // MARK: Queries

    /// Returns the index that a query reads, or `nil` if the query finds nothing in any case: runs that have ended are
    /// not listed by status.
    func index(for query: RunQuery) -> String? {
        guard let principal = query.principal else { return index(for: query.filter) }
        return switch query.filter {
        case .all: principalRuns(principal)
        case .agent(let agent): principalAgentRuns(principal, agent)
        case .session(let session): principalSessionRuns(principal, session)
        case .unfinished(let status): status.isTerminal ? nil : principalUnfinishedRuns(principal, status)
        }
    }

    /// Returns the queue of runs that may have expired of those that a query selects.
    func expiryQueue(of principal: PrincipalID?) -> String {
        principal.map(principalRunsExpiry) ?? runsExpiry
    }

    /// Returns the indexes from which a run is removed that a query found in one of them, and that no longer exists.
    func indexes(of index: String, _ principal: PrincipalID?) -> [String] {
        [index] + (principal.map { [principalRuns($0)] + allUnfinished($0) } ?? [])
    }

    /// Returns the same for a query by status.
    func indexes(of query: RunStatusQuery) -> [String] {
        guard let principal = query.principal else { return [agentRuns(query.agent)] + allStatusRuns(query.agent) }
        return indexes(of: principalAgentRuns(principal, query.agent), principal)
            + allStatusRuns(principal, query.agent)
    }

    /// Returns the index of the runs in a status that a query by status reads.
    func statusRuns(_ query: RunStatusQuery, _ status: DetailedRunStatus) -> String {
        query.principal.map { principalStatusRuns($0, query.agent, status) } ?? statusRuns(query.agent, status)
    }

    // MARK: Queues

    /// Returns due members of queues as runs. On a cluster, the queues of one bucket.
    func due(_ queues: [(queue: String, members: [String])]) -> IndexMaintenance.Due {
        var due = IndexMaintenance.Due()
        let (ofPrincipal, ofProcess) = (indexKey(.principalRunsExpiry, ""), indexKey(.processRuns, ""))
        for (queue, members) in queues where !members.isEmpty {
            if queue == runsExpiry {
                due.expiring += members.map { .init(queue: queue, member: $0) }
            } else if queue.utf8.starts(with: ofPrincipal.utf8) {
                guard let principal = PrincipalID(keyName: queue.dropPrefix(ofPrincipal)) else { continue }
                due.expiring += members.map { .init(queue: queue, member: $0, principal: principal) }
            } else {
                let process = ProcessID(rawValue: queue.dropPrefix(ofProcess))
                due.owned.append((process, members.compactMap(RunID.init(rawValue:))))
            }
        }
        return due
    }
}

extension PrincipalID {
    /// The principal in the names of keys, in ASCII.
    ///
    /// Braces, which would be a hash tag on a cluster, are escaped, and so are bytes of characters that are not ASCII: as
    /// strings, names that differ in Unicode normalization alone would be equal.
    fileprivate var keyName: String {
        guard rawValue.utf8.contains(where: Self.isEscaped) else { return rawValue }
        var name = ""
        for byte in rawValue.utf8 {
            if Self.isEscaped(byte) {
                name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            } else {
                name.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return name
    }

    /// Reads ``keyName``.
    fileprivate init?(keyName: String) {
        var bytes: [UInt8] = []
        var rest = keyName.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let escaped = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
            bytes.append(escaped)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.init(rawValue: text)
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "%")
    }
}

extension String {
    /// Returns the text after a prefix that the string has. Compared by bytes: the first character of the rest may
    /// combine with the last one of the prefix.
    fileprivate func dropPrefix(_ prefix: String) -> String {
        String(decoding: utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }
}
